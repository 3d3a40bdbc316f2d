import { InventoryError } from '../inventory/inventory-error.ts'
import { RegistryError } from '../oci/registry-error.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import { StoreError } from '../store/store-error.ts'
import type { WarmFailure, WarmFailureReason } from './operations.ts'

/** Ends the warming of one image. */
export class NotWarmed extends Error {
  override readonly name = 'NotWarmed'
  readonly reason: WarmFailureReason

  constructor(reason: WarmFailureReason, message: string) {
    super(message)
    this.reason = reason
  }
}

/** Why an image could not be warmed; `undefined` for an error that nobody foresaw. */
export function failureOf(error: unknown): WarmFailure | undefined {
  if (error instanceof NotWarmed) {
    const { reason, message } = error
    return { reason, message, isPassing: reason === 'limited' || reason === 'upstream' }
  }
  if (error instanceof UpstreamError) {
    return { reason: 'upstream', message: error.message, isPassing: error.transient }
  }
  if (error instanceof RegistryError) {
    return { reason: 'denied', message: error.message, isPassing: false }
  }
  if (error instanceof StoreError || error instanceof InventoryError) {
    return { reason: 'not-kept', message: error.message, isPassing: false }
  }
  return undefined
}
