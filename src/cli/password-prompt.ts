import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { InterruptedError, UsageError } from './failure.ts'

/** Asks for a password on the terminal, twice, and shows nothing of it. */
export async function askPassword(): Promise<string> {
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() })
  const options = { input: process.stdin, output: silence, terminal: true, historySize: 0 }
  const terminal = createInterface(options)
  // Also ends the answers.
  terminal.on('SIGINT', () => terminal.close())
  const answers = terminal[Symbol.asyncIterator]()
  const ask = async (question: string): Promise<string> => {
    process.stderr.write(question)
    const { value, done } = await answers.next()
    process.stderr.write('\n')
    if (done) throw new InterruptedError('nothing was changed')
    return value
  }
  try {
    const password = await ask('Password: ')
    if ((await ask('Again: ')) !== password) throw new UsageError('the passwords are not the same')
    return password
  } finally {
    terminal.close()
  }
}
