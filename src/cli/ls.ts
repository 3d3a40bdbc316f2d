import { Command } from 'commander'
import type { ImageEntry, ImagePage } from '../admin-api.ts'
import type { AdminClient } from './admin-client.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { ageText, numberText, shortDigest, sizeText } from './format.ts'
import { printLine } from './output.ts'
import { pullsOf, ratioText } from './pulls.ts'
import { type Column, Table } from './table.ts'

const IMAGES_PER_PAGE = 500

export function lsCommand(): Command {
  return withAdminOptions(new Command('ls'))
    .description('Lists the images that are held; with --json a line for each.')
    .argument('[repository]', 'For example alpine or ghcr.io/owner/app; all where left out.')
    .action(ls)
}

async function ls(
  repository: string | undefined,
  { json, ...options }: AdminOptions,
): Promise<void> {
  const client = await adminClient(options)
  const table = new Table(columnsAt(Date.now()))
  for await (const image of imagesOf(client, repository)) {
    if (json) printLine(image)
    else table.add(image)
  }
  if (!json) table.end()
}

async function* imagesOf(
  client: AdminClient,
  repository: string | undefined,
): AsyncIterable<ImageEntry> {
  const query = new URLSearchParams({ limit: String(IMAGES_PER_PAGE) })
  if (repository !== undefined) query.set('repository', repository)
  for (;;) {
    const { images, next } = await client.ask<ImagePage>('GET', `images?${query.toString()}`)
    yield* images
    if (next === null) return
    query.set('after', next)
  }
}

function columnsAt(nowMs: number): Column<ImageEntry>[] {
  return [
    { title: 'REPOSITORY', align: 'left', text: ({ repository }) => repository },
    { title: 'TAGS', align: 'left', text: ({ tags }) => tags.join(',') || '-' },
    { title: 'DIGEST', align: 'left', text: ({ digest }) => shortDigest(digest) },
    { title: 'SIZE', align: 'right', text: ({ bytes }) => sizeText(bytes) },
    { title: 'SHARED', align: 'right', text: ({ sharedBytes }) => sizeText(sharedBytes) },
    { title: 'PULLS', align: 'right', text: ({ pulls }) => numberText(pullsOf(pulls).all) },
    { title: 'HIT RATIO', align: 'right', text: ({ pulls }) => ratioText(pulls) },
    { title: 'LAST USE', align: 'right', text: ({ usedAt }) => ageText(usedAt, nowMs) },
    { title: 'AGE', align: 'right', text: ({ storedAt }) => ageText(storedAt, nowMs) },
    { title: 'STATE', align: 'left', text: stateText },
    { title: 'PINNED', align: 'left', text: ({ isPinned }) => (isPinned ? 'yes' : '') },
  ]
}

function stateText({ missingBytes }: ImageEntry): string {
  return missingBytes === 0 ? 'whole' : `${sizeText(missingBytes)} missing`
}
