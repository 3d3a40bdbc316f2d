import { variableOf } from '../../src/config/environment.ts'
import type { Scalar } from '../../src/config/explain.ts'
import { type ConfigKey, configKeys, typeText } from '../../src/config/keys.ts'

/** The text of `docs/configuration.md`. */
export function configurationPage(): string {
  const sections = Map.groupBy(configKeys(), (key) => key.path[0] ?? '')
  return [INTRODUCTION, ...[...sections].map(([name, keys]) => `## ${name}\n\n${table(keys)}`)]
    .join('\n\n')
    .concat('\n')
}

const INTRODUCTION = `# Configuration

This page is made from the schema by \`npm run docs\`.

entrepot runs without a configuration file and then mirrors Docker Hub. A file, in YAML or JSON, is named by \`--config FILE\` or \`ENTREPOT_CONFIG\`; [mirror.config.yml](../mirror.config.yml) shows every key with its default. A flag takes precedence over a variable, a variable over the file, the file over the default.

- Everything is checked before the start. An unknown key or \`ENTREPOT_*\` variable is an error; all errors are reported at once, each with file, line and column, and the exit code is 78.
- Durations are whole numbers with units, largest first: \`250ms\`, \`30s\`, \`5m\`, \`1h30m\`, \`30d\`.
- Byte sizes are numbers with a binary unit: \`512B\`, \`64KiB\`, \`50MiB\`, \`1.5GiB\`, \`2TiB\`.
- A relative path is relative to the file it stands in; in a variable or flag, to the working directory.
- A secret is \`\${env:NAME}\`, \`{file: PATH}\` or the text itself. It is printed as \`[secret]\`.
- NAME stands for the name of an upstream, for example \`ghcr.io\`. The upstreams in a file replace the default one.
- In a variable, \`__\` separates levels and \`_\` the words of a key; in NAME, \`_\` stands for anything that is not a letter or digit. \`ENTREPOT_UPSTREAMS__GHCR_IO__URL\` sets \`upstreams.ghcr.io.url\`. A NAME that is not configured yet adds an upstream, with dots for \`_\`. A secret's file is set with \`__FILE\`: \`ENTREPOT_ADMIN__TOKEN__FILE=/run/secrets/token\`. An empty variable counts as not set.

\`entrepot config check FILE\` reports what is wrong, \`config print\` what is in force, \`config explain KEY\` what a key means and where its value comes from; \`config schema\` prints the JSON Schema for editors.`

function table(keys: ConfigKey[]): string {
  return [
    '| key | type | default | meaning | variable |',
    '|---|---|---|---|---|',
    ...keys.map(
      ({ path, schema }) =>
        `| \`${path.join('.')}\` | ${typeText(schema)} | ${code(schema.default as Scalar)} | ${schema.description} | \`${variableOf(path)}\` |`,
    ),
  ].join('\n')
}

function code(value: Scalar): string {
  return value === undefined ? '' : `\`${String(value)}\``
}
