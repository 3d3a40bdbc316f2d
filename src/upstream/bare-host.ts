/** A URL's host without the brackets of an IPv6 address. */
export function bareHost({ hostname }: URL): string {
  return hostname.replaceAll(/^\[|\]$/g, '')
}
