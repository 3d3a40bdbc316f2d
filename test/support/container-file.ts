import { cp, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './processes.ts'

interface Instruction {
  name: string
  rest: string
}

/** As much of a Dockerfile as ours uses, carried out below a folder instead of in an image. */
export class ContainerFile {
  readonly #stages: Instruction[][] = []

  private constructor(text: string) {
    for (const line of text.split('\n').filter((each) => /^[A-Z]/.test(each))) {
      const [name = '', ...words] = line.split(' ')
      if (name === 'FROM') this.#stages.push([])
      this.#stages.at(-1)?.push({ name, rest: words.join(' ') })
    }
  }

  static async read(path: string): Promise<ContainerFile> {
    return new ContainerFile(await readFile(path, 'utf8'))
  }

  /** The last value of an instruction of the final stage. */
  final(name: string): string {
    const found = this.#stages.at(-1)?.findLast((instruction) => instruction.name === name)
    if (!found) throw new Error(`no ${name} in the final stage`)
    return found.rest
  }

  /** The words of an instruction of the final stage that holds a JSON array. */
  command(name: string): string[] {
    const rest = this.final(name)
    return JSON.parse(rest.slice(rest.indexOf('['))) as string[]
  }

  /** Paths that are copied from outside of the image. */
  get sources(): string[] {
    const copies = this.#stages.flat().filter(({ name, rest }) => name === 'COPY' && !isFrom(rest))
    return copies.flatMap(({ rest }) => rest.split(' ').slice(0, -1))
  }

  /**
   * Copies and runs what the file says: the first stage below `root`/build, the last, of which
   * only the copies are carried out, below `root`/image.
   */
  async build(context: string, root: string, env: Record<string, string>): Promise<void> {
    const [first = [], last = []] = [this.#stages[0], this.#stages.at(-1)]
    const build = join(root, 'build')
    const image = join(root, 'image')
    await carryOut(first, { context, into: build, from: context, env })
    const copies = last.filter(({ name }) => name !== 'RUN')
    await carryOut(copies, { context, into: image, from: build, env })
  }
}

interface Place {
  context: string
  /** What stands for the root of the image. */
  into: string
  /** What stands for the root of the stage that `--from` names. */
  from: string
  env: Record<string, string>
}

async function carryOut(instructions: Instruction[], place: Place): Promise<void> {
  let cwd = place.into
  for (const { name, rest } of instructions) {
    if (name === 'WORKDIR') {
      cwd = join(place.into, rest)
      await mkdir(cwd, { recursive: true })
    }
    if (name === 'COPY') {
      const paths = rest.split(' ').filter((word) => !word.startsWith('--'))
      const target = paths.pop() ?? ''
      const origin = isFrom(rest) ? place.from : place.context
      for (const path of paths) {
        const to = target.endsWith('/')
          ? join(cwd, target, path.slice(path.lastIndexOf('/') + 1))
          : join(cwd, target)
        await cp(join(origin, path), to, { recursive: true, verbatimSymlinks: true })
      }
    }
    if (name === 'RUN') await run(['sh', '-ec', rest], { cwd, env: place.env, timeoutMs: 120_000 })
  }
}

function isFrom(rest: string): boolean {
  return rest.startsWith('--from=')
}
