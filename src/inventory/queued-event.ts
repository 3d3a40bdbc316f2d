/** An event that a webhook has not taken yet. */
export interface QueuedEvent {
  webhook: string
  /** Later ones of the same webhook have higher ones. */
  position: number
  /** JSON. */
  event: string
}

export interface EventQueueState {
  webhook: string
  count: number
  lastPosition: number
}
