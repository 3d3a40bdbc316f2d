import type { OnReadOpts, Socket } from 'node:net'

const KIB = 1024
const BUFFER_BYTES = 256 * KIB

/** Smaller reads are copied: they may hold a part of a header, which undici remembers until it has the rest. */
const RECYCLED_FROM_BYTES = 16 * KIB

/** What a socket may hold unread; reads are handed out without a copy only while they fit. */
const HIGH_WATER_BYTES = 1024 * KIB

/**
 * Options of sockets that read into two buffers in turn instead of a new one each time, which
 * costs half of a large download's CPU in garbage collection. Who consumes the socket must copy
 * what it keeps of a chunk before it reads on.
 */
export function recycledReads(): { highWaterMark: number; onread: OnReadOpts } {
  // Node asks for the buffer of the next read right after a callback that has returned true.
  let next: Uint8Array | undefined
  const handedOut = new WeakMap<Socket, Uint8Array>()
  return {
    highWaterMark: HIGH_WATER_BYTES,
    onread: {
      buffer() {
        const buffer = next ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
        next = undefined
        return buffer
      },
      callback(this: Socket, count: number, buffer: Uint8Array): boolean {
        const bytes = buffer.subarray(0, count)
        const isFull = this.readableLength + count >= this.readableHighWaterMark
        if (count < RECYCLED_FROM_BYTES || isFull) {
          const goesOn = this.push(Buffer.from(bytes))
          // Where it does not go on, the next read takes this buffer without asking.
          if (goesOn) next = buffer
          return goesOn
        }
        // What was handed out before has been consumed if the socket holds nothing.
        if (this.readableLength === 0) next = handedOut.get(this)
        handedOut.set(this, buffer)
        return this.push(bytes)
      },
    },
  }
}
