import { MirrorProcess } from '../support/mirror-process.ts'

/** Everybody may push, without a login. */
export const PUSHED_BY_ALL = {
  hosted: { enabled: true },
  auth: { anonymous: ['pull', 'push', 'delete'] },
}

/** The daemon with images that can be pushed to `private`, and nobody upstream. */
export function startHosted(config: object = PUSHED_BY_ALL): Promise<MirrorProcess> {
  // Nothing listens on port 1.
  const upstreamUrl = 'http://127.0.0.1:1'
  return MirrorProcess.start({ upstreamUrl, config: { ...config } })
}
