import type { ConfigReport } from './admin-daemon.ts'
import { explainConfig } from './config/explain.ts'
import type { LoadedConfig } from './config/load.ts'

/** All keys with their values and who has set them; secrets are hidden. */
export function configReport(loaded: LoadedConfig): ConfigReport {
  const keys = explainConfig(loaded).map(({ value, default: standard, ...rest }) => ({
    ...rest,
    value: value ?? null,
    default: standard ?? null,
  }))
  return { file: loaded.file ?? null, keys }
}
