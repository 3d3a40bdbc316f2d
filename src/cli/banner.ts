import { hostname } from 'node:os'
import type { Config } from '../config/schema.ts'
import { isUnspecified, listenUrl, localUrl, type ListenAddress } from '../util/listen-url.ts'
import { columns } from './output.ts'

/** What is told to the person who has started the mirror: what it does, where, and what to do next. */
export function bannerText(
  config: Config,
  address: ListenAddress,
  adminAddress: ListenAddress,
): string {
  const names = Object.entries(config.upstreams).map(([name, upstream]) =>
    upstream.default ? `${name} (default)` : name,
  )
  const elsewhere = `On other machines: ${listenUrl({ ...address, host: hostname() })}`
  return [
    'entrepot is ready.',
    columns([
      ['  mirrors', names.join(', ')],
      ['  content', config.data],
      ['  listens', listenUrl(address)],
      ['  admin', listenUrl(adminAddress)],
    ]),
    '',
    'Put this line into /etc/docker/daemon.json and reload dockerd:',
    `  "registry-mirrors": ["${localUrl(address)}"]`,
    ...(isUnspecified(address) ? [elsewhere] : []),
    '',
  ].join('\n')
}
