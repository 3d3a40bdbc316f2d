import { hostname } from 'node:os'
import type { Config } from '../config/schema.ts'
import type { Address } from '../daemon.ts'
import { columns } from './output.ts'

/** What is told to the person who has started the mirror: what it does, where, and what to do next. */
export function bannerText(config: Config, address: Address, adminAddress: Address): string {
  const names = Object.entries(config.upstreams).map(([name, upstream]) =>
    upstream.default ? `${name} (default)` : name,
  )
  const isOpen = UNSPECIFIED.has(address.host)
  const url = urlOf({ ...address, host: isOpen ? 'localhost' : address.host })
  const elsewhere = `On other machines: ${urlOf({ ...address, host: hostname() })}`
  return [
    'entrepot is ready.',
    columns([
      ['  mirrors', names.join(', ')],
      ['  content', config.data],
      ['  listens', urlOf(address)],
      ['  admin', urlOf(adminAddress)],
    ]),
    '',
    'Put this line into /etc/docker/daemon.json and reload dockerd:',
    `  "registry-mirrors": ["${url}"]`,
    ...(isOpen ? [elsewhere] : []),
    '',
  ].join('\n')
}

/** Addresses that stand for all that the machine has. */
const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

function urlOf({ host, port }: Address): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
