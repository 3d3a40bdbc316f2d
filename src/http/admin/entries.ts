import type {
  FreezeEntry,
  GarbageEntry,
  HoldEntry,
  ImageEntry,
  JobEntry,
  JobRunEntry,
  PinEntry,
  PlatformEntry,
  RemovableEntry,
  RepositoryEntry,
  TagHistoryEntry,
  WarmedContentEntry,
  WarmedEntry,
  WorkProgress,
} from '../../admin-api.ts'
import type {
  JobRun,
  JobStatus,
  ListedImage,
  ListedPin,
  OfferedPlatform,
  Progress,
  Removable,
  WarmedContent,
  WarmedImage,
} from '../../cache/operations.ts'
import type { ListedHold, TagName } from '../../cache/tag-operations.ts'
import type { GarbageFinding } from '../../hosted/garbage-finding.ts'
import type {
  Freeze,
  RepositoryId,
  RepositorySummary,
  TagSighting,
} from '../../inventory/inventory.ts'
import { formatPlatform } from '../../oci/platform.ts'
import type { PulledImages } from '../../telemetry/pulled-images.ts'
import type { TopRepositories } from '../../telemetry/top-repositories.ts'
import { formatImage } from '../../oci/reference.ts'

export function imageEntry(image: ListedImage, pulled: Pick<PulledImages, 'of'>): ImageEntry {
  const { registry: upstream, name } = image.repository
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
    pulls: pulled.of({ upstream, repository: name, digest: image.digest }),
    isPinned: image.isPinned,
  }
}

export function platformEntry({ platform, digest, isHeld }: OfferedPlatform): PlatformEntry {
  return { platform: formatPlatform(platform), digest, isHeld }
}

export function repositoryEntry(
  { repository, images, heldBytes, sharedBytes, usedAtMs }: RepositorySummary,
  top: Pick<TopRepositories, 'of'>,
): RepositoryEntry {
  const { registry: upstream, name } = repository
  const { bytes: servedBytes, pulls } = top.of({ upstream, repository: name })
  return {
    repository: nameOf(repository),
    images,
    bytes: heldBytes,
    sharedBytes,
    usedAt: usedAtMs === 0 ? null : timeText(usedAtMs),
    servedBytes,
    pulls,
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

export function removableEntry({ digest, names, bytes, usedAtMs }: Removable): RemovableEntry {
  return {
    digest,
    names: names.map(({ repository, tags }) => ({ repository: nameOf(repository), tags })),
    bytes,
    usedAt: timeText(usedAtMs),
  }
}

export function garbageEntry({ repository, tag, ...finding }: GarbageFinding): GarbageEntry {
  return { ...finding, repository: nameOf(repository), tag: tag ?? null }
}

export function warmedContentEntry({
  image,
  sizeBytes,
  ...content
}: WarmedContent): WarmedContentEntry {
  return { image: formatImage(image), bytes: sizeBytes, ...content }
}

export function warmedEntry({ image, digest, failure, ...warmed }: WarmedImage): WarmedEntry {
  return {
    image: formatImage(image),
    digest: digest ?? null,
    ...warmed,
    error: failure ? { reason: failure.reason, message: failure.message } : null,
  }
}

export function progressEntry({ done, total, unit, parts }: Progress): WorkProgress {
  return { done, total: total ?? null, unit, ...(parts && { parts: [...parts] }) }
}

export function holdEntry({
  served,
  waiting,
  knownSinceMs,
  untilMs,
  ...name
}: ListedHold): HoldEntry {
  return {
    ...tagEntry(name),
    digest: served ?? null,
    newDigest: waiting,
    knownSince: timeText(knownSinceMs),
    servedFrom: timeText(untilMs),
  }
}

export function historyEntry(sighting: TagSighting): TagHistoryEntry {
  const { descriptor, firstSeenMs, lastSeenMs, servedSinceMs, by } = sighting
  return {
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    firstSeen: timeText(firstSeenMs),
    lastSeen: timeText(lastSeenMs),
    servedSince: servedSinceMs === undefined ? null : timeText(servedSinceMs),
    by: by ?? null,
  }
}

export function freezeEntry({ descriptor, createdAtMs, ...name }: Freeze): FreezeEntry {
  return { ...tagEntry(name), digest: descriptor.digest, createdAt: timeText(createdAtMs) }
}

export function tagEntry({ repository, tag }: TagName): { repository: string; tag: string } {
  return { repository: nameOf(repository), tag }
}

function nameOf({ registry, name }: RepositoryId): string {
  return `${registry}/${name}`
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}
