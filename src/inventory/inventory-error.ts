/** The inventory's database could not be read or written; `cause` says why. */
export class InventoryError extends Error {
  override readonly name = 'InventoryError'
}
