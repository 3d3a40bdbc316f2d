import { systemClock } from '../../src/util/clock.ts'
import { sourceContract } from '../contract/source-contract.ts'
import { openClient } from '../support/upstream-client.ts'
import { mirrorOn } from './mirror-rig.ts'

for (const isPublic of [true, false]) {
  sourceContract(`Mirror (${isPublic ? 'public' : 'credentials'})`, async (hub) => {
    const { client, ...opened } = openClient(hub)
    const rig = await mirrorOn(client, { isPublic, clock: systemClock })
    return {
      source: rig.mirror,
      async [Symbol.asyncDispose]() {
        await rig[Symbol.asyncDispose]()
        await opened[Symbol.asyncDispose]()
      },
    }
  })
}
