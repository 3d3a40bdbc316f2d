import { Command } from 'commander'
import type { RepositoryEntry, RepositoryPage } from '../admin-api.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { ageText, numberText, sizeText } from './format.ts'
import { printLine } from './output.ts'
import { pullsOf, ratioText } from './pulls.ts'
import { type Column, Table } from './table.ts'

export function repositoriesCommand(): Command {
  return withAdminOptions(new Command('repositories'))
    .description('Lists what is held of each repository; with --json a line for each.')
    .argument('[search]', 'A part of the name; all where left out.')
    .action(repositories)
}

async function repositories(
  search: string | undefined,
  { json, ...options }: AdminOptions,
): Promise<void> {
  const client = await adminClient(options)
  const table = new Table(columnsAt(Date.now()))
  const query = new URLSearchParams(search === undefined ? {} : { search })
  for (;;) {
    const page = await client.ask<RepositoryPage>('GET', `repositories?${query.toString()}`)
    for (const repository of page.repositories) {
      if (json) printLine(repository)
      else table.add(repository)
    }
    if (page.next === null) break
    query.set('after', page.next)
  }
  if (!json) table.end()
}

function columnsAt(nowMs: number): Column<RepositoryEntry>[] {
  return [
    { title: 'REPOSITORY', align: 'left', text: ({ repository }) => repository },
    { title: 'IMAGES', align: 'right', text: ({ images }) => numberText(images) },
    { title: 'SIZE', align: 'right', text: ({ bytes }) => sizeText(bytes) },
    { title: 'SHARED', align: 'right', text: ({ sharedBytes }) => sizeText(sharedBytes) },
    { title: 'SERVED', align: 'right', text: ({ servedBytes }) => sizeText(servedBytes) },
    { title: 'PULLS', align: 'right', text: ({ pulls }) => numberText(pullsOf(pulls).all) },
    { title: 'HIT RATIO', align: 'right', text: ({ pulls }) => ratioText(pulls) },
    {
      title: 'LAST USE',
      align: 'right',
      text: ({ usedAt }) => (usedAt === null ? '-' : ageText(usedAt, nowMs)),
    },
  ]
}
