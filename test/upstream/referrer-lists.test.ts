import { describe, expect, it } from 'vitest'
import { MAX_MANIFEST_BYTES } from '../../src/oci/manifest.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import { formatReferrers, REFERRERS_TYPE, referrersTag } from '../../src/oci/referrers.ts'
import { buildArtifact, buildReferrersIndex } from '../support/artifacts.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { startFakeHub, type FakeHub, type FakeHubOptions } from '../support/fake-hub/fake-hub.ts'
import { buildImage } from '../support/images.ts'
import { openClient, type OpenedClient } from '../support/upstream-client.ts'

const signal = new AbortController().signal
const repository = parseRepository('library/demo')!
const other = parseRepository('library/other')!
const image = await buildImage()
const { digest } = image.root
const artifacts = ['a', 'b', 'c'].map((seed) => buildArtifact({ seed, subject: image.root }))
const referrers = artifacts.map(({ referrer }) => referrer)
const FIRST_PAGE = { server: 'registry', path: /referrers\/[^?]*$/ } as const
const LATER_PAGES = { server: 'registry', path: /referrers\/.*\?/ } as const

async function startHub(options: FakeHubOptions = {}): Promise<FakeHub> {
  const hub = await startFakeHub({ auth: 'none', ...options })
  hub.add(repository, '1', image)
  for (const artifact of artifacts) hub.addUntagged(repository, artifact)
  return hub
}

/** With the list under the tag that stands in for the API. */
async function startOldHub(options: FakeHubOptions = {}): Promise<FakeHub> {
  const hub = await startHub({ referrersPerPage: 'missing', ...options })
  hub.add(repository, referrersTag(digest), buildReferrersIndex(artifacts))
  return hub
}

function ask({ client }: OpenedClient, name = repository) {
  return client.referrers(name, digest, {}, { signal })
}

function asked(hub: FakeHub): string[] {
  return hub.requests.map(({ kind }) => kind)
}

describe('a registry with the referrers API', () => {
  it('is asked once where all comes on one page', async () => {
    await using hub = await startHub()
    await using opened = openClient(hub)
    expect(await ask(opened)).toEqual({ referrers, outcome: 'bypass' })
    expect(asked(hub)).toEqual(['referrers'])
    expect(hub.requests[0]?.headers['accept']).toBe(REFERRERS_TYPE)
  })

  it('is asked page by page', async () => {
    await using hub = await startHub({ referrersPerPage: 1 })
    await using opened = openClient(hub)
    expect((await ask(opened)).referrers).toEqual(referrers)
    expect(asked(hub)).toEqual(['referrers', 'referrers', 'referrers'])
  })

  it('may point to the next page by any address: the same list is asked for it', async () => {
    await using hub = await startHub({ referrersPerPage: 2 })
    await using opened = openClient(hub)
    const link = '<http://10.0.0.1/elsewhere?first=2>; rel="next"'
    hub.fault(FIRST_PAGE, { kind: 'headers', headers: { link } })
    expect((await ask(opened)).referrers).toEqual(referrers)
    expect(hub.requests[1]?.path).toBe(`/v2/${repository}/referrers/${digest}?first=2`)
  })

  it.each([
    ['that goes round in circles', { kind: 'headers', headers: { link: '<?first=0>; rel=next' } }],
    // A regular expression that looks for each end needs half a minute for a hundred of these.
    [
      'whose links begin again and again',
      { kind: 'headers', headers: { link: `${'<'.repeat(15_000)}> <?first=0>; rel=next` } },
    ],
    ['that breaks off', { kind: 'answer', status: 404 }],
    [
      'whose pages are too large together',
      {
        kind: 'answer',
        status: 200,
        body: formatReferrers([
          { ...referrers[0]!, annotations: { padding: 'x'.repeat(MAX_MANIFEST_BYTES - 500) } },
        ]),
      },
    ],
    ['that goes on with something else', { kind: 'answer', status: 200, body: 'a page' }],
  ] as const)('is not believed a list %s', async (_, fault) => {
    await using hub = await startHub({ referrersPerPage: 2 })
    await using opened = openClient(hub)
    hub.fault(LATER_PAGES, fault)
    expect(await caught(ask(opened))).toMatchObject({ name: 'UpstreamError', kind: 'invalid' })
    expect(hub.count()).toBeLessThanOrEqual(100)
  })

  it.each([
    [{ kind: 'answer', status: 500 }, 'server'],
    [{ kind: 'answer', status: 429 }, 'abuse-limited'],
    [{ kind: 'answer', status: 403 }, 'denied'],
    [{ kind: 'hang-up' }, 'unreachable'],
  ] as const)('that is in trouble (%j) has not said that it lacks it', async (fault, kind) => {
    await using hub = await startHub()
    await using opened = openClient(hub)
    const rule = hub.fault(FIRST_PAGE, fault)
    expect(await caught(ask(opened))).toMatchObject({ name: 'UpstreamError', kind })
    rule.remove()
    expect((await ask(opened)).referrers).toEqual(referrers)
    expect(hub.count({ kind: 'manifest' })).toBe(0)
  })

  it('that knows no such repository is asked about others as before', async () => {
    await using hub = await startHub()
    await using opened = openClient(hub)
    expect((await ask(opened, other)).referrers).toEqual([])
    const body = JSON.stringify({ errors: [{ code: 'NOT_FOUND', message: 'no such project' }] })
    const rule = hub.fault(FIRST_PAGE, { kind: 'answer', status: 404, body })
    expect((await ask(opened, other)).referrers).toEqual([])
    rule.remove()
    expect((await ask(opened)).referrers).toEqual(referrers)
  })
})

describe('a registry without the referrers API', () => {
  it('has the list under a tag, and is not asked for the API again for a while', async () => {
    await using hub = await startOldHub()
    const clock = new FakeClock()
    await using opened = openClient(hub, { clock })
    expect((await ask(opened)).referrers).toEqual(referrers)
    expect(asked(hub)).toEqual(['referrers', 'manifest'])
    clock.advance(3_599_999)
    expect((await ask(opened, other)).referrers).toEqual([])
    expect(asked(hub)).toEqual(['referrers', 'manifest', 'manifest'])
    clock.advance(1)
    await ask(opened)
    expect(hub.count({ kind: 'referrers' })).toBe(2)
  })

  it.each([
    [400, 'a line of text', 'no such thing'],
    [404, 'an error without a code', JSON.stringify({ errors: [{ status: 404 }] })],
    [404, 'a large page', 'x'.repeat(100_000)],
    [405, 'a code', JSON.stringify({ errors: [{ code: 'UNSUPPORTED' }] })],
    [406, 'nothing', ''],
    [200, 'a page', '<html>Welcome</html>'],
  ])('may say so with status %i and %s', async (status, _, body) => {
    await using hub = await startOldHub()
    await using opened = openClient(hub)
    hub.fault(FIRST_PAGE, { kind: 'answer', status, body })
    expect((await ask(opened)).referrers).toEqual(referrers)
    expect((await ask(opened)).referrers).toEqual(referrers)
    expect(asked(hub)).toEqual(['referrers', 'manifest', 'manifest'])
  })

  it('has nothing under a tag that is no list', async () => {
    await using hub = await startOldHub()
    await using opened = openClient(hub)
    hub.add(repository, referrersTag(digest), image)
    expect((await ask(opened)).referrers).toEqual([])
  })

  it('has nothing to say where its tag cannot be had', async () => {
    await using hub = await startOldHub()
    await using opened = openClient(hub)
    hub.fault({ server: 'registry', path: /manifests/ }, { kind: 'answer', status: 503 })
    expect(await caught(ask(opened))).toMatchObject({ name: 'UpstreamError', kind: 'server' })
  })
})
