import { type Glob, globPattern } from '../util/glob.ts'
import type { Principal } from './principal.ts'

/** `admin` is all of them. */
export type Action = 'pull' | 'push' | 'delete' | 'admin'

/** What some may do with some repositories. */
interface AccessRule {
  /** Users; `*` is every one that has logged in, `anonymous` who has not. */
  principals: readonly string[]
  /** `UPSTREAM/REPOSITORY`, where `*` stands for anything up to a slash, `**` for anything. */
  repositories: readonly string[]
  actions: readonly Action[]
}

export interface AccessOptions {
  /** What may be done without logging in, everywhere. */
  anonymous: readonly Action[]
  rules: readonly AccessRule[]
}

/** A repository by the names of its route. */
export interface AccessTarget {
  upstream: string
  repository: string
}

interface ReadRule {
  principals: ReadonlySet<string>
  repositories: readonly Glob[]
  actions: ReadonlySet<Action>
}

/** Who may do what. What anonymous may, everybody may: who may not could leave the login away. */
export class Access {
  readonly #everywhere: ReadonlySet<Action>
  readonly #rules: readonly ReadRule[]

  constructor({ anonymous, rules }: AccessOptions) {
    this.#everywhere = new Set(anonymous)
    this.#rules = rules.map(({ principals, repositories, actions }) => ({
      principals: new Set(principals),
      repositories: repositories.map(globPattern),
      actions: new Set(actions),
    }))
  }

  allows(principal: Principal, action: Action, target: AccessTarget): boolean {
    if (includes(this.#everywhere, action)) return true
    const name = `${target.upstream}/${target.repository}`
    return this.#rules.some(
      ({ principals, repositories, actions }) =>
        includes(actions, action) &&
        isAmong(principals, principal) &&
        repositories.some((pattern) => pattern.test(name)),
    )
  }
}

function includes(actions: ReadonlySet<Action>, action: Action): boolean {
  return actions.has(action) || actions.has('admin')
}

function isAmong(principals: ReadonlySet<string>, principal: Principal): boolean {
  if (principals.has('anonymous')) return true
  return principal.kind === 'user' && (principals.has('*') || principals.has(principal.name))
}
