import { Gauge, type Registry } from 'prom-client'

interface ReadingOptions {
  name: string
  help: string
  registers: Registry[]
}

/** A gauge that is read when it is scraped; one that cannot be read keeps its last value. */
export class Reading {
  #read: () => Promise<number | undefined> = () => Promise.resolve(undefined)

  constructor({ name, help, registers }: ReadingOptions) {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers,
      collect: async () => {
        const value = await this.#read()
        if (value !== undefined) gauge.set(value)
      },
    })
  }

  /** Says where it is read; `undefined` is told by what cannot be read. */
  from(read: () => Promise<number | undefined>): void {
    this.#read = read
  }
}
