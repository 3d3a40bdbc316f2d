import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { buildkitSetup } from '../../src/cli/client/buildkit.ts'
import { dockerSetup } from '../../src/cli/client/docker.ts'
import { loadConfig } from '../../src/config/load.ts'

const CI = fileURLToPath(new URL('../../deploy/ci/', import.meta.url))

/** What a mirror without a configuration has clients write, at a name of its own. */
const { config } = await loadConfig({ environment: {} })
const mirror = {
  url: new URL(`http://mirror.example:${config.listen.port}`),
  upstreams: Object.entries(config.upstreams).map(([name, { prefix, default: isDefault }]) => ({
    name,
    prefix,
    isDefault,
  })),
}
const buildkit = buildkitSetup(mirror).files[0]?.content

it('GitHub Actions has BuildKit pull through the mirror', () => {
  const { jobs } = parse(read('github-actions.yml')) as {
    jobs: { build: { steps: { with?: Record<string, string>; run?: string }[] } }
  }
  const inline = jobs.build.steps.map((step) => step.with?.['buildkitd-config-inline'])
  expect(inline.filter((text) => text !== undefined)).toEqual([buildkit])
  const pulled = jobs.build.steps.map(({ run }) => run).find((run) => run?.startsWith('docker run'))
  const [upstream] = mirror.upstreams
  expect(pulled).toContain(` ${mirror.url.host}/${upstream?.prefix}/library/`)
})

it('GitLab has the dockerd of the job pull through the mirror', () => {
  const { build } = parse(read('gitlab-ci.yml')) as {
    build: { services: { command: string[] }[] }
  }
  const [daemonFile] = dockerSetup(mirror).files
  const keys = JSON.parse(daemonFile?.content ?? '') as Record<string, string[]>
  expect(build.services.map(({ command }) => command)).toEqual([
    [
      `--registry-mirror=${keys['registry-mirrors']?.join()}`,
      `--insecure-registry=${keys['insecure-registries']?.join()}`,
    ],
  ])
})

it('Jenkins has BuildKit pull through the mirror', () => {
  const [, written] = /text: '''([^']*)'''/.exec(read('Jenkinsfile')) ?? []
  expect(written).toBe(buildkit)
})

function read(name: string): string {
  return readFileSync(`${CI}${name}`, 'utf8')
}
