import { writeFile } from 'node:fs/promises'
import { adminApiPage } from './admin-api-page.ts'
import { configurationPage } from './configuration-page.ts'
import { metricsPage } from './metrics-page.ts'

const docs = new URL('../../docs/', import.meta.url)
await writeFile(new URL('admin-api.md', docs), adminApiPage())
await writeFile(new URL('configuration.md', docs), configurationPage())
await writeFile(new URL('metrics.md', docs), metricsPage())
