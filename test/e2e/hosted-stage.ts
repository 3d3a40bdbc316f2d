import { MirrorProcess } from '../support/mirror-process.ts'

/** The daemon with images that can be pushed to `private`, and nobody upstream. */
export function startHosted(): Promise<MirrorProcess> {
  // Nothing listens on port 1.
  const upstreamUrl = 'http://127.0.0.1:1'
  return MirrorProcess.start({ upstreamUrl, config: { hosted: { enabled: true } } })
}
