import type { OnReadOpts, Socket } from 'node:net'

const KIB = 1024
const SLAB_BYTES = 256 * KIB

/** A read gets at least this much room; with less left the next slab begins. */
const MIN_READ_BYTES = 64 * KIB

interface Slabs {
  current: Buffer
  usedBytes: number
  other: Buffer | undefined
}

/**
 * Options of sockets that read into two slabs of memory in turn instead of new memory each time,
 * which costs half of a large download's CPU in garbage collection. Who consumes such a socket
 * must copy what it keeps of a chunk before it asks for the next; headers, which undici keeps in
 * pieces until they are whole, are far smaller than a slab.
 */
export function recycledReads(): { onread: OnReadOpts } {
  const slabsOf = new WeakMap<Socket, Slabs>()
  // Node asks for the memory of the next read right after each callback that has returned true,
  // and once when a socket begins.
  let next: Buffer | undefined
  return {
    onread: {
      buffer() {
        const memory = next ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
        next = undefined
        return memory
      },
      callback(this: Socket, count: number, buffer: Uint8Array): boolean {
        let slabs = slabsOf.get(this)
        if (!slabs) {
          slabs = { current: buffer as Buffer, usedBytes: 0, other: undefined }
          slabsOf.set(this, slabs)
        }
        slabs.usedBytes += count
        const goesOn = this.push(buffer.subarray(0, count))
        if (SLAB_BYTES - slabs.usedBytes < MIN_READ_BYTES) turnOver(slabs, this.readableLength)
        next = slabs.current.subarray(slabs.usedBytes)
        // Reading goes on when the consumer asks. Returning false would read into this memory again.
        if (!goesOn) this.pause()
        return true
      },
    },
  }
}

/** Goes on in the other slab, if all that the socket still holds is in the current one. */
function turnOver(slabs: Slabs, heldBytes: number): void {
  const isOtherFree = heldBytes <= slabs.usedBytes
  const free = isOtherFree ? slabs.other : undefined
  slabs.other = slabs.current
  slabs.current = free ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
  slabs.usedBytes = 0
}
