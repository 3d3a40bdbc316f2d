import type { Freeze, Inventory, RepositoryId } from '../inventory/inventory.ts'
import type { Tag } from '../oci/reference.ts'

/** Tags that stand for one digest, whatever upstream says, until a command takes that back. */
export class Freezes {
  readonly #inventory: Inventory
  readonly #freezes = new Map<string, Freeze>()

  /** Throws InventoryError. */
  static async open(inventory: Inventory): Promise<Freezes> {
    const freezes = new Freezes(inventory)
    for (const freeze of await inventory.freezes()) {
      freezes.#freezes.set(keyOf(freeze.repository, freeze.tag), freeze)
    }
    return freezes
  }

  private constructor(inventory: Inventory) {
    this.#inventory = inventory
  }

  of(repository: RepositoryId, tag: Tag): Freeze | undefined {
    return this.#freezes.get(keyOf(repository, tag))
  }

  /** Replaces the one that is there. Throws InventoryError. */
  async put(freeze: Freeze): Promise<void> {
    await this.#inventory.putFreeze(freeze)
    this.#freezes.set(keyOf(freeze.repository, freeze.tag), freeze)
  }

  /** Throws InventoryError. */
  async remove(repository: RepositoryId, tag: Tag): Promise<void> {
    await this.#inventory.dropFreeze(repository, tag)
    this.#freezes.delete(keyOf(repository, tag))
  }

  /** In order of registry, name and tag. Throws InventoryError. */
  list(): Promise<Freeze[]> {
    return this.#inventory.freezes()
  }
}

function keyOf({ registry, name }: RepositoryId, tag: Tag): string {
  return `${registry}/${name}:${tag}`
}
