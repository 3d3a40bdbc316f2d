/** Who asks: a user that has logged in, or nobody in particular. */
export type Principal = { kind: 'anonymous' } | { kind: 'user'; name: string }

export const ANONYMOUS: Principal = { kind: 'anonymous' }
