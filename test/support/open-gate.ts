import { Access } from '../../src/auth/access.ts'
import { Gate } from '../../src/http/gate.ts'

/** Lets everybody do everything. */
export const openGate = new Gate({
  access: new Access({ anonymous: ['admin'], rules: [] }),
  authenticator: undefined,
})
