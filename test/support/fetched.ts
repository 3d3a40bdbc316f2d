import { digestOf, type Digest } from '../../src/oci/digest.ts'

/** GETs a URL to the end and gives the digest of what came; throws where it was cut or refused. */
export async function fetchedDigest(url: string): Promise<Digest> {
  const response = await fetch(url)
  const bytes = Buffer.from(await response.arrayBuffer())
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${bytes.toString()}`)
  return digestOf(bytes)
}
