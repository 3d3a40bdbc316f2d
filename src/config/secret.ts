import { readFile } from 'node:fs/promises'
import { inspect } from 'node:util'

/** What stands in for a secret wherever the config is printed. */
export const HIDDEN = '[secret]'

/** Text that shows itself only to who asks for it by name. */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}

/** Where a secret is found: itself, `${env:NAME}`, or a file, by an absolute path. */
export type SecretSource = string | { file: string }

/** Why a secret could not be had; never holds the secret. */
export class SecretError extends Error {
  override readonly name = 'SecretError'
}

/** Finds a secret; throws SecretError. */
export type SecretReader = (source: SecretSource) => Promise<Secret>

const VARIABLE = /^\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}$/

/** The variable that a secret is to be read from. */
export function variableNamed(source: SecretSource): string | undefined {
  return typeof source === 'string' ? VARIABLE.exec(source)?.[1] : undefined
}

export function secretReader(environment: NodeJS.ProcessEnv): SecretReader {
  return async (source) => {
    if (typeof source !== 'string') return new Secret(await readSecretFile(source.file))
    const name = variableNamed(source)
    if (name !== undefined) {
      const text = environment[name]
      if (!text) throw new SecretError(`the environment variable ${name} is not set`)
      return new Secret(text)
    }
    if (source.startsWith('${')) throw new SecretError('expected ${env:NAME}')
    if (source === HIDDEN) throw new SecretError(`${HIDDEN} is what a printed config shows instead`)
    return new Secret(source)
  }
}

async function readSecretFile(path: string): Promise<string> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new SecretError(`cannot read ${path} (${code ?? String(cause)})`, { cause })
  }
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '') throw new SecretError(`${path} is empty`)
  return secret
}
