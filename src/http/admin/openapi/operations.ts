import type { z } from 'zod'
import type { WorkName } from '../../../admin-api.ts'
import type { ApiErrorCode } from '../api-error.ts'
import {
  evictBody,
  freezeBody,
  gcBody,
  imagesQuery,
  pinParameters,
  platformsQuery,
  purgeBody,
  repositoriesQuery,
  rollbackBody,
  scrubBody,
  statsHistoryQuery,
  sweepBody,
  tagParameters,
  topQuery,
  upstreamTestBody,
  warmBody,
} from '../parameters.ts'
import { configReport, errorList, liveStatus } from './daemon-schemas.ts'
import * as content from './content-schemas.ts'
import { stats, statsHistory, topList } from './stats-schemas.ts'
import { upstreamList, upstreamTestResult } from './upstream-schemas.ts'
import { eventLine, jobList, workLines } from './work-schemas.ts'

/** One route of the admin API below `/api/v1`. */
export interface Operation {
  method: 'get' | 'post' | 'delete'
  path: string
  summary: string
  query?: z.ZodObject
  body?: z.ZodObject
  answer: z.ZodType
  /**
   * `lines`: a value of the answer's schema a line, until the end of what is told; `events`: the
   * same as the data of server-sent events.
   */
  form: 'json' | 'lines' | 'events'
  /** Besides those that every route may have. */
  refusals: ApiErrorCode[]
}

/** Every route but that of the document itself. */
export const OPERATIONS: readonly Operation[] = [
  get('/stats', 'What was counted since the start, and how things stand.', stats),
  get('/live', 'How things stand: an event `status` each second.', liveStatus, 'events'),
  {
    ...get('/stats/history', 'What was counted in each minute or hour of the past.', statsHistory),
    query: statsHistoryQuery,
  },
  {
    ...get('/stats/top', 'What went to clients of each repository since the start.', topList),
    query: topQuery,
  },
  get('/config', 'What the daemon was started with, and who has set it.', configReport),
  get('/errors', 'The last warnings and errors, those of a kind together.', errorList),
  {
    ...get('/images', 'The images that are held, page by page.', content.imagePage),
    query: imagesQuery,
  },
  {
    ...get('/platforms', 'What an image that is held is for.', content.platformList),
    query: platformsQuery,
    refusals: ['NOT_FOUND'],
  },
  {
    ...get('/repositories', 'What is held of each repository.', content.repositoryPage),
    query: repositoriesQuery,
  },
  get('/pins', 'What is never evicted.', content.pinList),
  post('/pins', 'Keeps what matches a pattern.', pinParameters, content.pinResult),
  {
    ...remove('/pins', 'Takes a pin back.', pinParameters, content.pinResult),
    refusals: ['NOT_FOUND', 'CONFLICT'],
  },
  get(
    '/events',
    'What happens to content, from now on, until the client leaves.',
    eventLine,
    'lines',
  ),
  get('/holds', 'The tags that wait to be moved.', content.holdList),
  {
    ...post('/release', 'Serves a tag as what waits for it.', tagParameters, content.releaseResult),
    refusals: ['NOT_FOUND', 'CONFLICT', 'UPSTREAM_FAILED'],
  },
  {
    ...get('/history', 'What a tag has stood for.', content.tagHistory),
    query: tagParameters,
  },
  get('/freezes', 'The tags that stay what they are.', content.freezeList),
  {
    ...post('/freezes', 'Serves a tag as one digest.', freezeBody, content.freezeResult),
    refusals: ['NOT_FOUND', 'CONFLICT', 'UPSTREAM_FAILED'],
  },
  {
    ...remove('/freezes', 'Serves a tag as upstream says.', tagParameters, content.unfreezeResult),
    refusals: ['NOT_FOUND'],
  },
  work(
    'evict',
    'Evicts the coldest images until the limits, or `toBytes`, are respected.',
    evictBody,
  ),
  work('purge', 'Removes an image, or all of a repository.', purgeBody),
  work('scrub', 'Reads and hashes everything, or joins who does.', scrubBody),
  work('sweep', 'Compares store and inventory, and settles what does not match.', sweepBody),
  work('warm', 'Pulls images ahead. Ends with its caller.', warmBody),
  get('/jobs', 'What runs by itself, when it ran last and when it runs next.', jobList),
  get('/upstreams', 'The registries behind us, as far as they are known.', upstreamList),
  {
    ...post(
      '/upstreams/test',
      'Asks a registry as each user.',
      upstreamTestBody,
      upstreamTestResult,
    ),
    refusals: ['NOT_FOUND'],
  },
  {
    ...work('gc', 'Removes what hosted repositories need not have any more.', gcBody),
    refusals: ['CONFLICT'],
  },
  {
    ...post('/rollback', 'Moves a hosted tag back.', rollbackBody, content.rollbackResult),
    refusals: ['NOT_FOUND', 'CONFLICT'],
  },
]

function get(
  path: string,
  summary: string,
  answer: z.ZodType,
  form: Operation['form'] = 'json',
): Operation {
  return { method: 'get', path, summary, answer, form, refusals: [] }
}

function post(path: string, summary: string, body: z.ZodObject, answer: z.ZodType): Operation {
  return { method: 'post', path, summary, body, answer, form: 'json', refusals: [] }
}

function remove(path: string, summary: string, query: z.ZodObject, answer: z.ZodType): Operation {
  return { method: 'delete', path, summary, query, answer, form: 'json', refusals: [] }
}

function work(name: WorkName, summary: string, body: z.ZodObject): Operation {
  return { ...post(`/${name}`, summary, body, workLines[name]), form: 'lines' }
}
