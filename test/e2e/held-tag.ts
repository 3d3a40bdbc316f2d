import type { HoldList } from '../../src/admin-api.ts'
import { jsonOf, type LiveMirror, startLiveMirror } from '../http/admin/live-mirror.ts'
import { eventually } from '../support/eventually.ts'
import { buildImage } from '../support/images.ts'

/** A mirror that holds `library/app:1` back, which Docker Hub has moved. */
export async function startWithHeldTag(): Promise<LiveMirror> {
  await using parts = new AsyncDisposableStack()
  const mirror = parts.use(
    await startLiveMirror({
      ENTREPOT_UPSTREAMS__DOCKER_IO__TAGS__FRESH_FOR: '0s',
      ENTREPOT_UPSTREAMS__DOCKER_IO__TAGS__HOLD: '72h',
    }),
  )
  await mirror.pull('library/app:1')
  mirror.hub.add('library/app', '1', await buildImage({ seed: 'moved' }))
  await (await fetch(`${mirror.url}/v2/library/app/manifests/1`)).arrayBuffer()
  await eventually('it is held back', async () => {
    return (jsonOf(await mirror.ask('holds')) as HoldList).holds.length === 1
  })
  parts.move()
  return mirror
}
