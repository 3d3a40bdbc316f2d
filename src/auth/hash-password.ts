import { hash } from 'bcryptjs'

/** What checking takes is on the order of a tenth of a second. */
const COST = 10

/** For a line of an htpasswd file. Of a password bcrypt looks at the first 72 bytes alone. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, COST)
}
