import { readFile } from 'node:fs/promises'

interface Instruction {
  name: string
  rest: string
}

/** As much of a Dockerfile as ours uses. */
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

  /** Paths that are copied from outside of the image. */
  get sources(): string[] {
    const copies = this.#stages.flat().filter(({ name }) => name === 'COPY')
    const ours = copies.filter(({ rest }) => !rest.startsWith('--from='))
    return ours.flatMap(({ rest }) => rest.split(' ').slice(0, -1))
  }
}
