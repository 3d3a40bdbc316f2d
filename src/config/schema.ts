import { z } from 'zod'
import { adminField } from './admin.ts'
import { auditField } from './audit.ts'
import { authField, someoneMayPush, unmatchedRules } from './auth.ts'
import { evictionField } from './eviction.ts'
import { path } from './fields.ts'
import { listenField } from './listen.ts'
import { proxiesField } from './proxy.ts'
import { hostedField, overlaps } from './hosted.ts'
import { scrubField } from './scrub.ts'
import type { SecretReader } from './secret.ts'
import { storeField } from './store.ts'
import { upstreamsField } from './upstreams.ts'
import { unknownRegistry, warmField } from './warm.ts'
import { webhooksField } from './webhooks.ts'

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

/**
 * The configuration: what may be written, what it means, what is used where it is left out, and
 * what it becomes. All else about the configuration is derived from this.
 */
export function configSchema(read: SecretReader) {
  const config = z.strictObject({
    listen: listenField,
    admin: adminField(read),
    data: path
      .default('./data')
      .describe(
        'Folder for everything that is kept: spools, the file store and the SQLite inventory.',
      ),
    upstreams: upstreamsField(read).prefault({ 'docker.io': {} }),
    proxy: proxiesField(read),
    store: storeField(read),
    inventory: z
      .strictObject({
        type: z
          .enum(['sqlite'])
          .default('sqlite')
          .describe('Where the facts about the bytes are kept: SQLite in `data`.'),
      })
      .prefault({}),
    eviction: evictionField,
    scrub: scrubField,
    warm: warmField,
    hosted: hostedField,
    auth: authField,
    audit: auditField,
    webhooks: webhooksField(read),
    log: z
      .strictObject({
        level: z.enum(LOG_LEVELS).default('info').describe('Least severe level that is logged.'),
        format: z
          .enum(['auto', 'pretty', 'json'])
          .default('auto')
          .describe('Form of the lines; `auto` is `pretty` on a terminal and `json` elsewhere.'),
      })
      .prefault({}),
  })
  return config.superRefine(({ upstreams, eviction, hosted, auth, warm }, context) => {
    for (const [name, { prefix }] of hosted.enabled ? Object.entries(upstreams) : []) {
      if (name !== hosted.prefix && !overlaps(prefix, hosted.prefix)) continue
      const message = `${hosted.prefix} is where images are pushed to: see hosted.prefix`
      context.addIssue({ code: 'custom', path: ['upstreams', name], message })
    }
    const registries = [...Object.keys(upstreams), hosted.prefix]
    for (const [index, pattern] of eviction.pins.entries()) {
      if (namesRegistry(pattern, registries)) continue
      const message = 'begins with no registry, as docker.io/library/node:22* does'
      context.addIssue({ code: 'custom', path: ['eviction', 'pins', index], message })
    }
    if (hosted.enabled && !someoneMayPush(auth)) {
      const message = 'nobody may push: set auth.htpasswd, or auth.anonymous to [pull, push]'
      context.addIssue({ code: 'custom', path: ['hosted', 'enabled'], message })
    }
    for (const index of unmatchedRules(auth)) {
      const message = 'nobody can log in: set auth.htpasswd'
      context.addIssue({ code: 'custom', path: ['auth', 'rules', index, 'principals'], message })
    }
    for (const [index, { repositories }] of auth.rules.entries()) {
      for (const [place, pattern] of repositories.entries()) {
        if (pattern === '**' || namesRegistry(pattern, registries)) continue
        const path = ['auth', 'rules', index, 'repositories', place]
        const message = `begins with no registry, as docker.io/library/* and ${hosted.prefix}/** do`
        context.addIssue({ code: 'custom', path, message })
      }
    }
    for (const [index, { images }] of warm.entries()) {
      for (const [place, image] of images.entries()) {
        const registry = unknownRegistry(image, upstreams)
        if (registry === undefined) continue
        const path = ['warm', index, 'images', place]
        context.addIssue({ code: 'custom', path, message: `${registry} is none of the upstreams` })
      }
    }
  })
}

export type Config = z.output<ReturnType<typeof configSchema>>

/** As with an image's name: a registry looks like a host, or is one that is configured. */
function namesRegistry(pattern: string, registries: string[]): boolean {
  const [first = ''] = pattern.split('/')
  return (
    /[.:*]/.test(first) ||
    first === 'localhost' ||
    registries.some((name) => pattern.startsWith(`${name}/`))
  )
}
