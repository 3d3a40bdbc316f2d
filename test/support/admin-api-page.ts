import { z } from 'zod'
import { OPERATIONS, type Operation } from '../../src/http/admin/openapi/operations.ts'

/** The text of `docs/admin-api.md`. */
export function adminApiPage(): string {
  const rows = OPERATIONS.map((operation) => {
    const { method, path, summary } = operation
    return `| \`${method.toUpperCase()} ${path}\` | ${parametersOf(operation)} | ${summary} |`
  })
  return `${INTRODUCTION}

## Routes

| below \`/api/v1\` | parameters, of \`POST\` in its body | meaning |
|---|---|---|
${rows.join('\n')}
`
}

/** Those that may be left out have a question mark. */
function parametersOf({ query, body }: Operation): string {
  const fields = Object.entries((query ?? body)?.shape ?? {})
  return fields.map(([name, field]) => `\`${name}${isOptional(field) ? '?' : ''}\``).join(', ')
}

function isOptional(field: z.core.$ZodType): boolean {
  return z.safeParse(field, undefined).success
}

const INTRODUCTION = `# Admin API

This page is made from the source by \`npm run docs\`.

JSON below \`/api/v1\` on the admin listener, \`127.0.0.1:5001\` unless \`admin\` says otherwise. The page and every command use it and nothing else.

\`GET /api/v1/openapi.json\` is its description in OpenAPI 3.1: each route with its parameters, bodies, answers and refusals, made of the schemas that requests are checked with. A test asks a running mirror for every route and holds the answers against it.

\`\`\`
curl -s localhost:5001/api/v1/openapi.json | jq '.paths | keys'
curl -s localhost:5001/api/v1/stats | jq .pulls
curl -sN localhost:5001/api/v1/live
curl -s localhost:5001/api/v1/evict --json '{"dryRun": true, "toBytes": 0}' | jq -c 'select(.item) | .item.names'
\`\`\`

- Sizes are bytes, times ISO 8601 in UTC, and repositories have their registry in front: \`docker.io/library/alpine\`. Fields may be added, none are renamed or removed.
- With \`admin.token\`, \`Authorization: Bearer TOKEN\` is needed. With \`admin.tls.clientCa\`, so is a certificate of that authority. With neither a token nor \`admin.tls\`, requests must name the listener as \`localhost\` or by its address. Those that change something may come from no page of another origin.
- Bodies are \`application/json\`. What is wrong is answered with \`{"error": {"code", "message"}}\`.
- Long work (\`evict\`, \`purge\`, \`scrub\`, \`sweep\`, \`warm\`, \`gc\`) answers \`application/x-ndjson\`: lines of \`progress\` and \`item\`, then a \`result\` or an \`error\`. The status is 200 before it has begun, so the last line tells. It goes on when its caller leaves, but for dry runs and \`warm\`. \`GET events\` answers in lines too, without an end. An empty line is sent now and then, so that nobody takes the connection for dead.
- \`GET live\` answers [server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html), one named \`status\` at once and one each second: \`{stats, jobs, upstreams}\` as the routes of these names have them. It is read once a second however many look; who reads slowly is told less often, and always of the present.`
