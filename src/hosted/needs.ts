import type { LinkedContent } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'

/** A manifest as far as others need it, or need it for their sake. */
export type Node = Pick<LinkedContent, 'digest' | 'children' | 'subjects'>

/**
 * The manifests of a repository that are needed: those that stay for their own sake, what a needed
 * one names, and what refers to a needed one, such as its signatures.
 */
export function neededOf<T extends Node>(
  manifests: ReadonlyMap<Digest, T>,
  staysItself: (manifest: T) => boolean,
): Set<Digest> {
  const referring = new Map<Digest, T[]>()
  for (const manifest of manifests.values()) {
    for (const subject of manifest.subjects) {
      const known = referring.get(subject)
      if (known) known.push(manifest)
      else referring.set(subject, [manifest])
    }
  }
  const needed = new Set<Digest>()
  for (const manifest of manifests.values()) {
    if (staysItself(manifest)) needed.add(manifest.digest)
  }
  // A set gives what is added to it while it is walked through as well.
  for (const digest of needed) {
    for (const child of manifests.get(digest)?.children ?? []) {
      if (manifests.has(child)) needed.add(child)
    }
    for (const referrer of referring.get(digest) ?? []) needed.add(referrer.digest)
  }
  return needed
}

/**
 * Those of the manifests that nothing else among them names and whose subjects are not among them:
 * should one of these stay after all, nothing that it needs has gone. Some as long as there are any.
 */
export function topmost<T extends Node>(manifests: ReadonlyMap<Digest, T>): T[] {
  const named = new Set<Digest>()
  for (const { children } of manifests.values()) for (const child of children) named.add(child)
  const unnamed = Array.from(manifests.values()).filter(({ digest }) => !named.has(digest))
  const top = unnamed.filter(({ subjects }) => !subjects.some((one) => manifests.has(one)))
  // An index may refer to what it names.
  return top.length > 0 ? top : unnamed
}
