import type {
  ImageEntry,
  JobEntry,
  JobRunEntry,
  PinEntry,
  RemovableEntry,
  WorkProgress,
} from '../../admin-api.ts'
import type {
  JobRun,
  JobStatus,
  ListedImage,
  ListedPin,
  Progress,
  Removable,
} from '../../cache/operations.ts'
import type { RepositoryId } from '../../inventory/inventory.ts'

export function imageEntry(image: ListedImage): ImageEntry {
  return {
    repository: nameOf(image.repository),
    tags: image.tags,
    digest: image.digest,
    mediaType: image.mediaType,
    bytes: image.heldBytes,
    sharedBytes: image.heldBytes - image.exclusiveBytes,
    missingBytes: image.missingBytes,
    storedAt: timeText(image.storedAtMs),
    usedAt: timeText(image.usedAtMs),
    isPinned: image.isPinned,
  }
}

export function pinEntry({ createdAtMs, heldBytes, ...pin }: ListedPin): PinEntry {
  return {
    ...pin,
    createdAt: createdAtMs === undefined ? null : timeText(createdAtMs),
    bytes: heldBytes,
  }
}

export function jobEntry(job: JobStatus): JobEntry {
  const { name, everyMs, isRunning, progress, lastRun, nextRunAtMs } = job
  return {
    name,
    everyMs,
    isRunning,
    progress: progress ? progressEntry(progress) : null,
    lastRun: lastRun ? jobRunEntry(lastRun) : null,
    nextRunAt: nextRunAtMs === undefined ? null : timeText(nextRunAtMs),
  }
}

function jobRunEntry({ startedAtMs, endedAtMs, result, error }: JobRun): JobRunEntry {
  return {
    startedAt: timeText(startedAtMs),
    endedAt: timeText(endedAtMs),
    result: result ?? null,
    error: error ?? null,
  }
}

export function removableEntry({ digest, names, sizeBytes, usedAtMs }: Removable): RemovableEntry {
  return {
    digest,
    names: names.map(({ repository, tags }) => ({ repository: nameOf(repository), tags })),
    bytes: sizeBytes,
    usedAt: timeText(usedAtMs),
  }
}

export function progressEntry({ done, total, unit }: Progress): WorkProgress {
  return { done, total: total ?? null, unit }
}

function nameOf({ registry, name }: RepositoryId): string {
  return `${registry}/${name}`
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}
