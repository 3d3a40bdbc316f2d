import { z } from 'zod'
import type {
  FreezeList,
  FreezeResult,
  HoldList,
  ImagePage,
  PinList,
  PinResult,
  PlatformList,
  ReleaseResult,
  RepositoryPage,
  RollbackResult,
  TagHistory,
  UnfreezeResult,
} from '../../../admin-api.ts'
import { bytes, count, digest, pulls, repository, text, time } from './fields.ts'

const image = z.strictObject({
  repository,
  tags: z.array(text),
  digest,
  mediaType: text,
  bytes: bytes.describe('All that is held of it.'),
  sharedBytes: bytes.describe('The part of `bytes` that other images need as well.'),
  missingBytes: bytes.describe('What it needs and is not held.'),
  storedAt: time,
  usedAt: time,
  pulls: pulls.describe('GETs of its manifest here since the start.'),
  isPinned: z.boolean(),
})

export const imagePage = z.strictObject({
  images: z.array(image),
  next: text.nullable().describe('What to ask for as `after`; `null` on the last page.'),
}) satisfies z.ZodType<ImagePage>

export const platformList = z.strictObject({
  platforms: z
    .array(
      z.strictObject({
        platform: text.describe('For example `linux/arm64/v8`.'),
        digest: digest.describe('The manifest of the image that is for it.'),
        isHeld: z.boolean(),
      }),
    )
    .describe('In the order of the index; empty where the image does not say what it is for.'),
}) satisfies z.ZodType<PlatformList>

export const repositoryPage = z.strictObject({
  repositories: z.array(
    z.strictObject({
      repository,
      images: count,
      bytes: bytes.describe('Each content once, however many of its images need it.'),
      sharedBytes: bytes.describe('The part of `bytes` that other repositories have as well.'),
      usedAt: time.nullable().describe('`null` where no manifest was.'),
      servedBytes: bytes.describe('To clients, since the start.'),
      pulls,
    }),
  ),
  next: text.nullable().describe('What to ask for as `after`; `null` on the last page.'),
}) satisfies z.ZodType<RepositoryPage>

export const pinList = z.strictObject({
  pins: z.array(
    z.strictObject({
      pattern: text,
      source: z.enum(['config', 'command']),
      createdAt: time.nullable().describe('`null` for those of the configuration.'),
      images: count,
      bytes: bytes.describe('What it keeps at present.'),
    }),
  ),
}) satisfies z.ZodType<PinList>

export const pinResult = z.strictObject({
  pattern: text.describe('With the registry in front, also where that was left out.'),
}) satisfies z.ZodType<PinResult>

const tagName = { repository, tag: text }
const served = z.strictObject({
  ...tagName,
  digest: digest.describe('What it is served as from now on.'),
})

export const holdList = z
  .strictObject({
    holds: z.array(
      z.strictObject({
        ...tagName,
        digest: digest.nullable().describe('What it is served as.'),
        newDigest: digest.describe('What upstream says.'),
        knownSince: time,
        servedFrom: time,
      }),
    ),
  })
  .describe(
    'Tags that upstream has moved, and that are served as before for a while.',
  ) satisfies z.ZodType<HoldList>

export const releaseResult = served satisfies z.ZodType<ReleaseResult>

export const rollbackResult = served satisfies z.ZodType<RollbackResult>

export const tagHistory = z.strictObject({
  ...tagName,
  history: z
    .array(
      z.strictObject({
        digest,
        mediaType: text,
        firstSeen: time,
        lastSeen: time,
        servedSince: time.nullable().describe('`null` for what was never served as the tag.'),
        by: text.nullable().describe('Who has pushed it last, of hosted tags.'),
      }),
    )
    .describe('What was seen last comes first.'),
}) satisfies z.ZodType<TagHistory>

export const freezeList = z
  .strictObject({
    freezes: z.array(z.strictObject({ ...tagName, digest, createdAt: time })),
  })
  .describe(
    'Tags that stand for one digest, whatever upstream says.',
  ) satisfies z.ZodType<FreezeList>

export const freezeResult = served satisfies z.ZodType<FreezeResult>

export const unfreezeResult = z.strictObject(tagName) satisfies z.ZodType<UnfreezeResult>
