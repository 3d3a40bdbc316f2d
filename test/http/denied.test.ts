import { expect, test } from 'vitest'
import { ask, image, repository, startMirror } from './mirror.ts'

const DENIED = {
  code: 'DENIED',
  message: 'docker.io/library/demo:1 is denied here by the rule deny: library/demo:*',
}

test('what a rule refuses is 403 with the rule, by whatever way it is asked for', async () => {
  await using mirror = await startMirror({ allow: ['**'], deny: ['library/demo:*'] })
  for (const path of [
    `/v2/${repository}/manifests/1`,
    `/v2/demo/manifests/1`,
    `/v2/docker.io/${repository}/manifests/1`,
    `/v2/${repository}/manifests/1?ns=docker.io`,
  ]) {
    const answer = await ask(mirror.server, path)
    expect(answer.status).toBe(403)
    expect(JSON.parse(answer.body.toString())).toEqual({ errors: [DENIED] })
    expect((await ask(mirror.server, path, { method: 'HEAD' })).status).toBe(403)
  }
  expect(mirror.hub.asked).toEqual([])
  const allowed = await ask(mirror.server, `/v2/${repository}/manifests/${image.root.digest}`)
  expect(allowed.status).toBe(200)
})
