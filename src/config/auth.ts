import { z } from 'zod'
import { path, registryPattern } from './fields.ts'

/** In rules: whoever has not logged in, and whoever has. */
const ANONYMOUS = 'anonymous'
const ANYBODY = '*'

const action = z.enum(['pull', 'push', 'delete', 'admin'])

const principal = z
  .string({ error: 'expected a user' })
  .regex(/^[^\s:]{1,255}$/, { error: 'expected a user, * or anonymous' })
  .meta({ title: 'user' })

const rule = z.strictObject({
  principals: z
    .array(
      principal.describe(
        'Who is meant: a user, `*` for everyone who has logged in, or `anonymous` for those ' +
          'who have not.',
      ),
    )
    .min(1, { error: 'expected at least one user' }),
  repositories: z
    .array(
      registryPattern.describe(
        'Repositories, with their registry or the prefix of hosted images in front; `*` ' +
          'stands for anything up to a `/`, `**` for anything.',
      ),
    )
    .min(1, { error: 'expected at least one pattern' }),
  actions: z
    .array(
      action.describe(
        'What they may do there. Clients that push also have to `pull`; `admin` is all of it. ' +
          'Without any rules, whoever has logged in may pull, push and delete everywhere.',
      ),
    )
    .min(1, { error: 'expected at least one action' }),
})

/** Who may do what. */
export const authField = z
  .strictObject({
    anonymous: z
      .array(
        action.describe(
          'What everybody may do everywhere, without logging in; `pull` if left out.',
        ),
      )
      .default(['pull']),
    htpasswd: path
      .optional()
      .describe(
        'File of users and their passwords, as `entrepot passwd` and `htpasswd -B` write it. ' +
          'It is read again when it changes. Without it nobody can log in.',
      ),
    rules: z
      .array(rule)
      .default([
        { principals: [ANYBODY], repositories: ['**'], actions: ['pull', 'push', 'delete'] },
      ]),
  })
  .prefault({})

export type AuthConfig = z.output<typeof authField>

/** Rules that are for nobody: users without a file that has them. */
export function unmatchedRules({ htpasswd, rules }: AuthConfig): number[] {
  if (htpasswd !== undefined) return []
  const isUnmatched = ({ principals }: AuthConfig['rules'][number]) =>
    principals.every((name) => name !== ANONYMOUS && name !== ANYBODY)
  return rules.flatMap((entry, index) => (isUnmatched(entry) ? [index] : []))
}

/** Whether anybody at all may push. */
export function someoneMayPush({ anonymous, htpasswd, rules }: AuthConfig): boolean {
  const isSomeone = (name: string) => name === ANONYMOUS || htpasswd !== undefined
  return (
    anonymous.some(isPushing) ||
    rules.some(({ actions, principals }) => actions.some(isPushing) && principals.some(isSomeone))
  )
}

function isPushing(name: z.output<typeof action>): boolean {
  return name === 'push' || name === 'admin'
}
