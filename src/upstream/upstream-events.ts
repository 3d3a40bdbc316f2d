import type { Events } from '../telemetry/events.ts'

/** What is reported of the requests to upstreams. */
export type UpstreamEvents = Pick<Events, 'upstreamAnswered' | 'bytesFetched' | 'breakerChanged'>
