import { chmod, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { temporaryFolder } from './temporary-folder.ts'

/** A credential helper on the PATH, until it is disposed. */
export interface FakeHelper extends AsyncDisposable {
  /** Changes what it does: a script whose `$server` is what it was asked for. */
  does(script: string): Promise<void>
  /** The servers that it was asked for, in order. */
  asked(): Promise<string[]>
  /** The folder that holds it. */
  folder: string
}

export async function fakeHelper(name: string, script: string): Promise<FakeHelper> {
  const { path: folder, [Symbol.asyncDispose]: remove } = await temporaryFolder()
  const file = join(folder, `docker-credential-${name}`)
  const log = join(folder, 'asked')
  const pathBefore = process.env['PATH']
  const helper = {
    folder,
    async does(script: string) {
      const read = `[ "$1" = get ] || exit 9\nserver=$(cat)\necho "$server" >> ${log}\n`
      await writeFile(file, `#!/bin/sh\n${read}${script}\n`)
      await chmod(file, 0o755)
    },
    async asked() {
      const text = await readFile(log, 'utf8').catch(() => '')
      return text.split('\n').filter((line) => line !== '')
    },
    async [Symbol.asyncDispose]() {
      process.env['PATH'] = pathBefore
      await remove()
    },
  }
  await helper.does(script)
  process.env['PATH'] = `${folder}${delimiter}${pathBefore}`
  return helper
}

/** A script that answers with these credentials. */
export function answering(username: string, secret: string): string {
  const answer = { ServerURL: 'ignored', Username: username, Secret: secret }
  return `echo '${JSON.stringify(answer)}'`
}
