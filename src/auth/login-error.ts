import { RegistryError } from '../oci/registry-error.ts'

/** Credentials were sent that are not taken. */
export class LoginError extends RegistryError {
  constructor(message: string) {
    super('UNAUTHORIZED', message)
  }
}
