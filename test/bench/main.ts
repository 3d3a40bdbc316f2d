import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeRun, mergeParts, partOf, readParts, renderReport, type Part } from './report.ts'
import { adminLoad } from './scenarios/admin-load.ts'
import { coldPull } from './scenarios/cold-pull.ts'
import { eviction } from './scenarios/eviction.ts'
import { evictionLoad } from './scenarios/eviction-load.ts'
import { evictionTraces } from './scenarios/eviction-traces.ts'
import { inventory } from './scenarios/inventory.ts'
import { memory } from './scenarios/memory.ts'
import { s3Blobs } from './scenarios/s3-blobs.ts'
import { pushes } from './scenarios/push.ts'
import { storm } from './scenarios/storm.ts'
import { warmBlobs } from './scenarios/warm-blobs.ts'
import { warmManifests } from './scenarios/warm-manifests.ts'
import type { Plan, Section } from './section.ts'

const MIB = 1024 * 1024

const SCENARIOS = {
  storm,
  'warm-manifests': warmManifests,
  'warm-blobs': warmBlobs,
  's3-blobs': s3Blobs,
  'cold-pull': coldPull,
  push: pushes,
  memory,
  eviction,
  'eviction-traces': evictionTraces,
  inventory,
  'eviction-load': evictionLoad,
  'admin-load': adminLoad,
} satisfies Record<string, (plan: Plan) => Promise<Section>>

type Scenario = keyof typeof SCENARIOS

const FULL: Plan = {
  runs: 5,
  windowMs: 2_000,
  stormClients: [50, 200],
  blobs: [
    { sizeBytes: MIB, minRatio: 4 },
    { sizeBytes: 64 * MIB, minRatio: 1.3 },
    { sizeBytes: 512 * MIB, minRatio: 1.1 },
  ],
}
const QUICK: Plan = { ...FULL, runs: 1, windowMs: 700, stormClients: [10] }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string' }, quick: { type: 'boolean', default: false } },
})
const unknown = positionals.filter((name) => !(name in SCENARIOS))
const plan = values.quick ? { ...QUICK } : { ...FULL }
if (values.runs !== undefined) plan.runs = Number(values.runs)
if (unknown.length > 0 || !(plan.runs >= 1)) {
  console.error(
    `usage: npm run bench -- [--quick] [--runs N] [${Object.keys(SCENARIOS).join('|')}]...`,
  )
  process.exitCode = 64
} else {
  await bench(plan, positionals as Scenario[])
}

/** Scenarios that ran their full rounds take their places in bench/RESULTS.md; a quick look goes to build/. */
async function bench(plan: Plan, subset: Scenario[]): Promise<void> {
  const names = subset.length > 0 ? subset : (Object.keys(SCENARIOS) as Scenario[])
  const isFull = !values.quick && plan.runs >= FULL.runs
  const command = ['npm run bench', ...argumentsGiven()].join(' ')
  const raw = pathOf('build/bench/')
  await mkdir(raw, { recursive: true })
  await mkdir(pathOf('bench/'), { recursive: true })
  const file = isFull ? pathOf('bench/RESULTS.md') : `${raw}RESULTS.md`
  for (const name of names) {
    console.log(`${new Date().toISOString().slice(11, 19)} ${name}`)
    const run = describeRun(command, plan.runs)
    const section = await SCENARIOS[name](plan)
    await writeFile(`${raw}${name}.json`, JSON.stringify(section.samples, undefined, 2))
    const part = partOf(section, run)
    console.log(renderReport([part]))
    await writeFile(file, renderReport(mergeParts(await partsIn(file), [part])))
  }
  console.log(`written to ${file}`)
}

async function partsIn(file: string): Promise<Part[]> {
  return existsSync(file) ? readParts(await readFile(file, 'utf8')) : []
}

function argumentsGiven(): string[] {
  const given = process.argv.slice(2)
  return given.length > 0 ? ['--', ...given] : []
}

function pathOf(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url))
}
