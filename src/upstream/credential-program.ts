import { type ChildProcess, spawn } from 'node:child_process'
import { type Credentials, CredentialsError } from './credentials.ts'

/** As docker names them: `docker-credential-NAME` on the PATH. */
const HELPER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

/** A user name that says that the secret is an identity token. */
export const TOKEN_USER = '<token>'

const MAX_ANSWER_BYTES = 64 * 1024

const MAX_MESSAGE_LENGTH = 200

export interface ProgramRequest {
  /** Without `docker-credential-` in front. */
  helper: string
  /** The registry, as docker calls it. */
  server: string
  timeoutMs: number
  signal: AbortSignal
}

export function programName(helper: string): string {
  return `docker-credential-${helper}`
}

/**
 * Asks a credential helper (docker-credential-helpers, `get`). `undefined` where it says that it
 * has none for the server. Throws CredentialsError, without the secret.
 */
export async function askProgram(request: ProgramRequest): Promise<Credentials | undefined> {
  const { helper, server } = request
  const program = programName(helper)
  if (!HELPER_NAME.test(helper)) {
    throw new CredentialsError(`${JSON.stringify(helper)} is no name of a credential helper`)
  }
  const { code, output } = await run(program, request)
  if (code === 0) return parseAnswer(program, output)
  const said = firstLine(output)
  if (/credentials not found/i.test(said)) return undefined
  const reason = said ? `: ${said}` : ''
  throw new CredentialsError(`${program} failed for ${server} (exit ${code})${reason}`)
}

interface Ended {
  code: number | string
  output: string
}

async function run(program: string, { server, timeoutMs, signal }: ProgramRequest): Promise<Ended> {
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    return await outputOf(program, server, AbortSignal.any([timeout, signal]))
  } catch (cause) {
    if (cause instanceof CredentialsError) throw cause
    throw new CredentialsError(failureText(program, cause, timeout), { cause })
  }
}

/** Its error stream is not ours to show: nobody promises that there is no secret in it. */
async function outputOf(program: string, server: string, signal: AbortSignal): Promise<Ended> {
  const ended = Promise.withResolvers<number | string>()
  // Without a descriptor left it has no streams, which its own type does not say.
  const child: ChildProcess = spawn(program, ['get'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    killSignal: 'SIGKILL',
    signal,
  })
  const chunks: Buffer[] = []
  let bytes = 0
  child.on('error', ended.reject)
  child.on('close', (code, killedBy) => ended.resolve(code ?? String(killedBy)))
  child.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk)
    else ended.reject(new CredentialsError(`${program} answers without end`))
  })
  // One that ends without reading has its reasons, which its exit code tells.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(server)
  try {
    return { code: await ended.promise, output: Buffer.concat(chunks).toString() }
  } finally {
    child.kill('SIGKILL')
    // What it has started may live on, and hold the pipe open.
    child.stdout?.destroy()
  }
}

function failureText(program: string, cause: unknown, timeout: AbortSignal): string {
  if (timeout.aborted) return `${program} did not answer in time`
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'ENOENT') return `there is no ${program} on the PATH`
  return `${program} cannot be run (${code ?? message})`
}

function parseAnswer(program: string, output: string): Credentials {
  let answer: unknown
  try {
    answer = JSON.parse(output)
  } catch {
    // What the parser says may quote the secret.
    throw new CredentialsError(`${program} answered with what is no JSON`)
  }
  const { Username: username, Secret: secret } = { ...(answer as Record<string, unknown>) }
  if (typeof username !== 'string' || typeof secret !== 'string' || !username || !secret) {
    throw new CredentialsError(`${program} answered without Username or Secret`)
  }
  return username === TOKEN_USER
    ? { username, identityToken: secret }
    : { username, password: secret }
}

/** Helpers tell what is wrong on their output. What looks like their answer is not shown. */
function firstLine(output: string): string {
  const [line = ''] = output.trim().split(/[\r\n]/, 1)
  return line.startsWith('{') ? '' : line.replaceAll(/\p{Cc}/gu, ' ').slice(0, MAX_MESSAGE_LENGTH)
}
