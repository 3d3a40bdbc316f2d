import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config/schema.ts'
import { diskSpace } from '../store/disk-space.ts'
import { folderHolder } from '../store/folder-lock.ts'
import { StoreError } from '../store/store-error.ts'
import { spaceLimits } from '../stores.ts'
import { type Finding, fault, ok, warning } from './finding.ts'
import { listenFailure } from './ports.ts'

/** Whose the folder is, who works in it, and whether what may be kept fits its disk. */
export async function examineData(config: Config): Promise<Finding[]> {
  const { data } = config
  const owner = await ownerOf(data)
  if (owner === undefined) {
    return [ok('data', `${data} is not there yet: it is made with the first start`)]
  }
  try {
    return [
      ...(await examineOwners(data, owner)),
      await examineLock(config),
      await examineSpace(config),
    ]
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return [fault('data', error.message, `ask as its owner, user ${owner}: sudo -u '#${owner}'`)]
  }
}

/** Who starts the daemon as somebody else once leaves files that the owner cannot write. */
async function examineOwners(data: string, owner: number): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const name of ['inventory.db', 'lock.db', 'blobs', 'spool', 'quarantine']) {
    const path = join(data, name)
    const other = await ownerOf(path)
    if (other === undefined || other === owner) continue
    const text = `${path} belongs to user ${other}, the folder to user ${owner}`
    findings.push(fault('data', text, `chown -R ${owner} ${data}`))
  }
  return findings
}

async function examineLock({ data, listen }: Config): Promise<Finding> {
  // Nothing is made where no daemon has been.
  if ((await ownerOf(join(data, 'lock.db'))) === undefined) {
    return ok('data', `no daemon has worked in ${data}`)
  }
  const holder = await folderHolder(data)
  if (holder === undefined) return ok('data', `no daemon works in ${data}`)
  if (listen.port === 0 || (await listenFailure(listen)) !== undefined) return ok('data', holder)
  const text = `${holder}, which does not listen on port ${listen.port}: it has another configuration`
  return fault('data', text, 'stop it, name its configuration, or choose another `data`')
}

async function examineSpace(config: Config): Promise<Finding> {
  const { freeBytes, totalBytes } = await diskSpace(config.data)
  const { isOnDisk, maxBytes, minFreeBytes } = spaceLimits(config)
  const disk = `${config.data}: its disk has ${gibText(totalBytes)}, ${gibText(freeBytes)} free`
  if (!isOnDisk || maxBytes + minFreeBytes <= totalBytes) return ok('data', disk)
  const limits = `eviction.maxSize of ${gibText(maxBytes)} and minFree of ${gibText(minFreeBytes)}`
  const fix =
    'lower eviction.maxSize; until then minFree is the limit, and others may fill the disk'
  return warning('data', `${disk}, which is less than ${limits} together`, fix)
}

async function ownerOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).uid
  } catch {
    // Whether it can be used is for the check of the connections to say.
    return undefined
  }
}

function gibText(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`
}
