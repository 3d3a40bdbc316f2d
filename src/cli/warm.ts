import { Command } from 'commander'
import type { WarmedContentEntry, WarmedEntry, WarmResult, Works } from '../admin-api.ts'
import type { AdminClient } from './admin-client.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { UsageError } from './failure.ts'
import { shortDigest, sizeText } from './format.ts'
import { readImageList } from './image-list.ts'
import { printError, printJson } from './output.ts'
import { progressView } from './progress.ts'
import { type Column, Table } from './table.ts'

interface WarmOptions extends AdminOptions {
  platform?: string
  from?: string
}

/** Not every image is held as a whole. */
class NotWhole extends Error {
  override readonly name = 'NotWhole'
}

export function warmCommand(): Command {
  return withAdminOptions(new Command('warm'))
    .description('Pulls images ahead of the clients.')
    .argument('[images...]', 'REPOSITORY[:TAG|@DIGEST], for example node:22.')
    .option(
      '--platform <platforms>',
      'Only what is for these, for example linux/amd64,linux/arm64; all of an image where left out.',
    )
    .option('--from <file>', 'File of more images, one a line; - is the standard input.')
    .action(warm)
}

async function warm(
  images: string[],
  { platform, from, json, ...options }: WarmOptions,
): Promise<void> {
  const all = [...images, ...(from === undefined ? [] : await readImageList(from))]
  if (all.length === 0) throw new UsageError('there is no image to warm')
  const platforms = platform?.split(',')
  const result = await warmed(await adminClient(options), {
    images: all,
    ...(platforms && { platforms }),
  })
  if (json) printJson(result)
  else printResult(result)
  const failed = result.images.filter(({ error }) => error)
  if (failed.length > 0) {
    throw new NotWhole(`${failed.length} of ${result.images.length} images could not be warmed`)
  }
}

/** Bars on a terminal; elsewhere a line for each manifest and blob that is there. */
async function warmed(client: AdminClient, body: Works['warm']['body']): Promise<WarmResult> {
  const view = process.stderr.isTTY ? progressView('warm', process.stderr) : undefined
  try {
    return await client.work('warm', body, {
      onProgress: (progress) => view?.show(progress),
      onItem(item) {
        if (!view) printError(stepText(item))
      },
    })
  } finally {
    view?.end()
  }
}

function stepText({ image, digest, kind, bytes, outcome }: WarmedContentEntry): string {
  return `${image}: ${outcome} ${kind} ${shortDigest(digest)} ${sizeText(bytes)}`
}

function printResult({ images }: WarmResult): void {
  const table = new Table(COLUMNS)
  for (const image of images) table.add(image)
  table.end()
  for (const { image, error } of images) if (error) printError(`${image}: ${error.message}`)
}

const COLUMNS: Column<WarmedEntry>[] = [
  { title: 'IMAGE', align: 'left', text: ({ image }) => image },
  { title: 'DIGEST', align: 'left', text: ({ digest }) => (digest ? shortDigest(digest) : '-') },
  { title: 'SIZE', align: 'right', text: ({ bytes }) => sizeText(bytes) },
  { title: 'FETCHED', align: 'right', text: ({ fetchedBytes }) => sizeText(fetchedBytes) },
  { title: 'STATE', align: 'left', text: ({ error }) => error?.reason ?? 'whole' },
]
