/** The closed set of methods that labels have. */
export function methodLabel(method: string): string {
  return method === 'GET' || method === 'HEAD' || method === 'POST' ? method : 'other'
}

/** A status as labels have it: `2xx`. */
export function classOf(status: number): string {
  return `${Math.floor(status / 100)}xx`
}
