import type { Generated } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import type { Repository, Tag } from '../oci/reference.ts'
import type { ContentKind } from './inventory.ts'
import type { Resolution } from './span.ts'

/** The tables of the inventory's database. Sizes are bytes, times milliseconds since the Unix epoch. */
export interface Schema {
  repository: RepositoryTable
  content: ContentTable
  link: LinkTable
  unlinked: UnlinkedTable
  child: ChildTable
  referrers: ReferrersTable
  tag: TagTable
  tag_history: TagHistoryTable
  freeze: FreezeTable
  subject: SubjectTable
  totals: TotalsTable
  stats_span: StatsSpanTable
  pin: PinTable
  job: JobTable
  webhook_event: WebhookEventTable
}

interface RepositoryTable {
  id: Generated<number>
  registry: string
  name: Repository
}

interface ContentTable {
  digest: Digest
  kind: ContentKind
  media_type: string
  size_bytes: number
  stored_at_ms: number
  used_at_ms: number
  /** How many manifests that are held name it, kept in the transactions that change that. */
  parents: number
  /** 1 where it was used again, 0 where once; see Usage. */
  reused: 0 | 1
}

interface LinkTable {
  digest: Digest
  repository_id: number
  /** When a manifest was last used through this link, 0 where never; null for blobs. */
  used_at_ms: number | null
  linked_at_ms: number
}

/** Content that `unlink` took from its last repository; it may have others again. */
interface UnlinkedTable {
  digest: Digest
}

/** What a manifest names, held or not. */
interface ChildTable {
  parent_digest: Digest
  position: number
  digest: Digest
  media_type: string
  size_bytes: number
}

/** What upstream last listed; gone with the content. */
interface ReferrersTable {
  digest: Digest
  repository_id: number
  /** JSON. */
  list: string
  checked_at_ms: number
}

interface TagTable {
  repository_id: number
  name: Tag
  digest: Digest
  media_type: string
  size_bytes: number
  checked_at_ms: number
}

/** What upstream has said of a tag, a row for each digest. */
interface TagHistoryTable {
  repository_id: number
  name: Tag
  digest: Digest
  media_type: string
  size_bytes: number
  first_seen_ms: number
  last_seen_ms: number
  /** Null while it has only waited. */
  served_since_ms: number | null
  /** Who has pushed it last; null where that is not known. */
  seen_by: string | null
}

interface FreezeTable {
  repository_id: number
  name: Tag
  digest: Digest
  media_type: string
  size_bytes: number
  created_at_ms: number
}

/** A manifest that refers to another; both are in the repository, but the other need not be there. */
interface SubjectTable {
  repository_id: number
  subject: Digest
  digest: Digest
  /** What a list of referrers says of it, as JSON. */
  entry: string
}

/** One row: the sums over `content`, kept in the transactions that change it. */
interface TotalsTable {
  bytes: number
  entries: number
  once_bytes: number
}

/** What was counted in a minute or an hour. */
export interface StatsSpanTable {
  resolution: Resolution
  start_ms: number
  hits: number
  misses: number
  joins: number
  stale: number
  bypasses: number
  served_bytes: number
  fetched_bytes: number
  /** At the end of it, as the budgets. */
  store_bytes: number
  /** JSON. */
  budgets: string
}

interface PinTable {
  pattern: string
  created_at_ms: number
}

interface JobTable {
  name: string
  /** JSON. */
  state: string
}

/** What a webhook has not taken yet. */
interface WebhookEventTable {
  webhook: string
  position: number
  /** JSON. */
  event: string
}
