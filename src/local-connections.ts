import { access, constants, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HtpasswdError } from './auth/htpasswd.ts'
import { readPasswords, UnreadPasswordsError } from './auth/password-file.ts'
import type { Config } from './config/schema.ts'
import { type Connection, WELL } from './connection.ts'
import { checkFolder } from './store/folder-check.ts'
import { StoreError } from './store/store-error.ts'
import { spaceLimits } from './stores.ts'
import { errorCode } from './util/error-code.ts'

/** Whether the data folder can be written, or made, and has space. */
export async function checkData(config: Config): Promise<Connection> {
  const { data } = config
  const about = { part: 'data', name: data } as const
  try {
    const { freeBytes, totalBytes } = await checkFolder(data)
    const { minFreeBytes } = spaceLimits(config)
    const isFull = freeBytes < Math.min(minFreeBytes, totalBytes / 2) / 2
    if (!isFull) return { ...about, freeBytes, ...WELL }
    const fault = `${data}: less than half of eviction.minFree is left: nothing new is kept`
    return { ...about, freeBytes, fault, fix: 'make room on that disk, or lower eviction.minFree' }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return { ...about, fault: error.message, fix: await writeFix(data, errorCode(error.cause)) }
  }
}

async function writeFix(data: string, code = ''): Promise<string> {
  if (code !== 'EACCES' && code !== 'EPERM') return FIXES[code] ?? 'look at that disk: dmesg'
  const isThere = (await refusal(access(data))) === undefined
  return isThere ? `chown -R ${USER} ${data}` : `install -d -o ${USER} ${data}`
}

/** Who is to be the user of the daemon. */
const USER = process.getuid?.() ?? 'USER'

const FIXES: Readonly<Record<string, string>> = {
  EROFS: 'mount it to be written; a systemd unit names it in ReadWritePaths=',
  ENOTDIR: 'name a folder in `data`: this is a file',
  ENOSPC: 'make room on that disk',
  EDQUOT: 'make room in that quota',
}

export async function checkUsers(path: string): Promise<Connection> {
  const about = { part: 'users', name: path } as const
  try {
    await readPasswords(path)
    return { ...about, ...WELL }
  } catch (error) {
    if (!(error instanceof HtpasswdError || error instanceof UnreadPasswordsError)) throw error
    const fix = `entrepot passwd ${path} USER makes a line, or the whole file`
    return { ...about, fault: error.message.replaceAll('\n', '; '), fix }
  }
}

/** Whether the audit log can be written, or made. */
export async function checkAudit(path: string): Promise<Connection> {
  const about = { part: 'audit', name: path } as const
  const folder = dirname(path)
  const refused = await refusal(openAsItIs(path))
  const code = refused === 'ENOENT' ? await refusal(access(folder, constants.W_OK)) : refused
  if (code === undefined) return { ...about, ...WELL }
  const fix =
    code === 'ENOENT' ? `install -d -o ${USER} ${folder}` : `let user ${USER} write to ${path}`
  return { ...about, fault: `cannot write to ${path} (${code}): the mirror does not start`, fix }
}

async function openAsItIs(path: string): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_APPEND)
  await file.close()
}

/** The code of what the system says to it; `undefined` where it does it. */
async function refusal(operation: Promise<void>): Promise<string | undefined> {
  try {
    await operation
    return undefined
  } catch (error) {
    return errorCode(error) ?? String(error)
  }
}
