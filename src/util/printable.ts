/** Text that somebody else has chosen, without what would steer the terminal of who reads it. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\ufffd')
}
