import { MinHeap } from './min-heap.ts'
import { requestedBlobs } from './simulation.ts'
import type { Trace } from './trace.ts'

/**
 * The byte hit ratio that no policy can exceed: Belady's algorithm, which knows the future, on
 * single bytes. Every byte is a page of the same size, for which it is optimal; a blob may be held
 * in part, which no real cache does, and the capacity is used to its last byte.
 */
export function optimum(trace: Trace, capacityBytes: number): number {
  const requests = trace.pulls.flatMap(requestedBlobs)
  const nextUses = nextUsesOf(requests)
  const heldBytes = trace.blobBytes.map(() => 0)
  const nextUse = trace.blobBytes.map(() => Infinity)
  /** The one that is needed last comes first. */
  const queue = new MinHeap<number>()
  let [usedBytes, hitBytes, allBytes] = [0, 0, 0]
  for (const [index, blob] of requests.entries()) {
    const sizeBytes = trace.blobBytes[blob]!
    allBytes += sizeBytes
    hitBytes += heldBytes[blob]!
    usedBytes += sizeBytes - heldBytes[blob]!
    heldBytes[blob] = sizeBytes
    nextUse[blob] = nextUses[index]!
    queue.push(-nextUse[blob], blob)
    while (usedBytes > capacityBytes) {
      const { key, value: last } = queue.first!
      if (nextUse[last] === -key) {
        const cutBytes = Math.min(heldBytes[last]!, usedBytes - capacityBytes)
        heldBytes[last]! -= cutBytes
        usedBytes -= cutBytes
        if (heldBytes[last]! > 0) break
      }
      queue.shift()
    }
  }
  return hitBytes / allBytes
}

/** For each request the index of the next one of the same blob. */
function nextUsesOf(requests: number[]): number[] {
  const next = new Map<number, number>()
  const nextUses = requests.map(() => Infinity)
  for (let index = requests.length - 1; index >= 0; index--) {
    nextUses[index] = next.get(requests[index]!) ?? Infinity
    next.set(requests[index]!, index)
  }
  return nextUses
}
