const CODE = /^(CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_TLS_CERT)/

/** Whether it is one of Node's codes for a certificate that is not believed. */
export function isDisbelief(code: string): boolean {
  return CODE.test(code)
}
