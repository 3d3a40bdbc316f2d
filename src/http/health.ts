import { Paths } from './paths.ts'

/** `/healthz`: the process lives. `/readyz`: it takes pulls; 503 while it starts or drains. */
export function healthPaths(isReady: () => boolean): Paths {
  const paths = new Paths()
  paths.get('/healthz', (context) => {
    context.state.exchange.kind = 'health'
    context.body = 'ok\n'
  })
  paths.get('/readyz', (context) => {
    context.state.exchange.kind = 'health'
    const ready = isReady()
    context.status = ready ? 200 : 503
    context.body = ready ? 'ready\n' : 'not ready\n'
  })
  return paths
}
