import { sourceContract } from '../contract/source-contract.ts'
import { openClient } from '../support/upstream-client.ts'

sourceContract('the upstream client', (hub) => {
  const opened = openClient(hub)
  return {
    source: opened.client,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
})
