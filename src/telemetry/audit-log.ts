import type { RequestedAction } from './action.ts'
import { LineFile, type LineFileOptions } from './line-file.ts'
import type { ServedRequest } from './served-request.ts'

export interface AuditLogOptions extends LineFileOptions {
  /** Whether each blob that is pulled has a line, besides its manifest. */
  withPulledBlobs: boolean
}

/** What became of a request: `cut` where the answer did not reach its end. */
type AuditOutcome = 'done' | 'refused' | 'failed' | 'cut'

/**
 * Who has pushed, pulled and deleted what: a file of its own, with a line of JSON for each request
 * that did so, or was refused. Its lines are a contract: fields may be added, none renamed.
 */
export class AuditLog implements AsyncDisposable {
  readonly #options: AuditLogOptions
  readonly #file: LineFile

  /** Rejects with the system's error where the file cannot be opened. */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    return new AuditLog(options, await LineFile.open(options))
  }

  private constructor(options: AuditLogOptions, file: LineFile) {
    this.#options = options
    this.#file = file
  }

  /** See LineFile.isFailing. */
  get isFailing(): boolean {
    return this.#file.isFailing
  }

  requested({ action, request }: RequestedAction): void {
    const { name, kind, content } = action
    if (name === 'pull' && kind === 'blob' && !this.#options.withPulledBlobs) return
    this.#write(name, request, {
      kind,
      registry: request.upstream ?? null,
      repository: request.repository ?? null,
      reference: request.reference ?? null,
      digest: content?.digest ?? null,
      bytes: name === 'pull' ? request.bytes : (content?.sizeBytes ?? null),
    })
  }

  /** Somebody has shown credentials that are not taken. */
  loginRefused(request: ServedRequest): void {
    this.#write('login-refused', request, {})
  }

  /** See LineFile.reopen. */
  reopen(): void {
    this.#file.reopen()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file[Symbol.asyncDispose]()
  }

  #write(
    action: string,
    request: ServedRequest,
    content: Record<string, string | number | null>,
  ): void {
    const line = {
      time: new Date(this.#options.clock.now()).toISOString(),
      action,
      principal: request.principal ?? null,
      remote: request.remote ?? null,
      userAgent: request.userAgent ?? null,
      ...content,
      status: request.status,
      outcome: outcomeOf(request),
    }
    this.#file.write(JSON.stringify(line))
  }
}

function outcomeOf({ status, aborted }: ServedRequest): AuditOutcome {
  if (aborted) return 'cut'
  if (status < 400) return 'done'
  return status < 500 ? 'refused' : 'failed'
}
