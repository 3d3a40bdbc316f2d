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
        'Whom the rule is for: a user, `*` for all who have logged in, or `anonymous` for who has not.',
      ),
    )
    .min(1, { error: 'expected at least one user' }),
  repositories: z
    .array(
      registryPattern.describe(
        'Of what: a registry or the prefix of hosted images, and a repository there; `*` stands ' +
          'for anything up to a `/`, `**` for anything.',
      ),
    )
    .min(1, { error: 'expected at least one pattern' }),
  actions: z
    .array(
      action.describe(
        'What may be done; clients that push also have to `pull`. `admin` is all of it. Without ' +
          'any rules all who have logged in may pull, push and delete everywhere.',
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
          'What may be done without logging in, everywhere; `pull` where left out. Whoever has ' +
            'logged in may do it too.',
        ),
      )
      .default(['pull']),
    htpasswd: path
      .optional()
      .describe(
        'File of users and their passwords, as `entrepot passwd` and `htpasswd -B` write it. It is ' +
          'read again when it changes. Nobody can log in where left out.',
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
