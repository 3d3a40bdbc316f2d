import { z } from 'zod'
import { path, SECRET_ERROR, secretField } from './fields.ts'
import type { Secret, SecretReader } from './secret.ts'

/** Whom we are to a registry, or who is asked for it. */
export type CredentialConfig =
  | { username: string; password: Secret }
  | { dockerConfig: string }
  | { helper: string }

const FORM_ERROR = 'expected username with password, or dockerConfig, or helper'

/** Several, in the order in which they are used. */
export function credentialsField(read: SecretReader) {
  const form = z.strictObject({
    username: z
      .string({ error: 'expected a user name' })
      .min(1, { error: 'expected a user name' })
      .meta({ title: 'text' })
      .optional()
      .describe(
        'User name at the registry; without credentials the mirror pulls anonymously. Of ' +
          'several, the first whose limit allows it is used.',
      ),
    password: secretField(read).optional().describe('Password or access token of the user.'),
    dockerConfig: path
      .optional()
      .describe(
        'Instead of a user: a `config.json` as `docker login` writes it, read again when it ' +
          'changes, with its credential helpers.',
      ),
    helper: z
      .string({ error: 'expected the name of a helper' })
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, {
        error: 'expected the name of a helper without docker-credential-, for example ecr-login',
      })
      .meta({ title: 'text' })
      .optional()
      .describe(
        'Instead of a user: a credential helper, `docker-credential-NAME` on the `PATH`, run ' +
          'again every few minutes.',
      ),
  })
  const credential = z.codec(form, z.custom<CredentialConfig>(), {
    decode(input, context) {
      const { username, password, dockerConfig, helper, ...none } = input
      const refuse = (message: string, at: string[] = []) => {
        context.issues.push({ code: 'custom', message, path: at, input: none })
        return z.NEVER
      }
      const forms = [username ?? password, dockerConfig, helper]
      if (forms.filter((one) => one !== undefined).length !== 1) return refuse(FORM_ERROR)
      if (dockerConfig !== undefined) return { dockerConfig }
      if (helper !== undefined) return { helper }
      if (username === undefined) return refuse('expected a user name', ['username'])
      if (password === undefined) return refuse(SECRET_ERROR, ['password'])
      return { username, password }
    },
    encode: (credentials) => credentials,
  })
  return z
    .array(credential)
    .superRefine((all, context) => {
      const names = all.map((one) => ('username' in one ? one.username : undefined))
      for (const [index, name] of names.entries()) {
        if (name === undefined || names.indexOf(name) === index) continue
        const message = `${name} is there twice`
        context.addIssue({ code: 'custom', path: [index, 'username'], message })
      }
    })
    .default([])
}
