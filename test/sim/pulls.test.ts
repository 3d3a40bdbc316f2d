import { expect, it, vi } from 'vitest'
import { Dice } from './dice.ts'
import { Round } from './round.ts'

/** SIM_SEED plays one round again, SIM_ROUNDS plays more of them. */
const seed = process.env['SIM_SEED']
const rounds = Number(process.env['SIM_ROUNDS'] ?? 20)
const firstSeed = Math.floor(Math.random() * 2 ** 31)
const seeds = seed
  ? [Number(seed)]
  : Array.from({ length: rounds }, (_, index) => firstSeed + index)

async function play(seed: number): Promise<Round> {
  const round = new Round(seed)
  // The pauses before another try are drawn from it.
  const { random } = new Dice(seed)
  using _ = vi.spyOn(Math, 'random').mockImplementation(random)
  try {
    await round.play()
  } catch (cause) {
    throw new Error(`SIM_SEED=${seed}, ${JSON.stringify(round.plan)}`, { cause })
  }
  return round
}

it(
  'every pull is right or fails honestly, whatever happens',
  { timeout: rounds * 5000 },
  async () => {
    for (const seed of seeds) await play(seed)
  },
)

it('a round can be played again', async () => {
  const [one, two] = [await play(seeds[0]!), await play(seeds[0]!)]
  expect(one.scheduler.trace()).toBe(two.scheduler.trace())
})
