import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { imageName } from '../config/fields.ts'
import { UsageError } from './failure.ts'

/**
 * Reads names of images, one a line, of a file or with `-` of the standard input; what stands
 * behind a `#` is a comment. Throws UsageError with every line that is no name.
 */
export async function readImageList(file: string): Promise<string[]> {
  const content = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8')
  const lines = content.split(/\r?\n/).map((line) => line.replace(/#.*/, '').trim())
  const faults = lines.flatMap((line, index) => {
    const fault = line === '' ? undefined : imageName.safeParse(line).error?.issues[0]
    return fault ? [`${file}:${index + 1}: ${line}: ${fault.message}`] : []
  })
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
  return lines.filter(Boolean)
}
