// @ts-check

/**
 * @import { ApiFault, WorkLine, WorkName, Works } from '../../../admin-api.ts'
 * @import { LiveStatus } from '../../../admin-daemon.ts'
 */

/** Where the token is kept: as long as the tab is. */
const TOKEN_KEY = 'entrepot.admin.token'
const DATA = 'data: '
/** The daemon says something of long work each ten seconds, and at `live` each second. */
const SILENT_FOR_MS = 15_000
/** What changes something may be asked of an upstream, and again, before it is answered. */
const CHANGING_FOR_MS = 180_000

/** What the daemon says went wrong, or that it does not answer. */
class ApiFailure extends Error {
  /**
   * @param {string} message
   * @param {ErrorOptions} [options]
   */
  constructor(message, options) {
    super(message, options)
    this.name = 'ApiFailure'
  }
}

/** Asks the admin API, and whoever looks at the page for the token when that is needed. */
export class Api {
  #askForToken
  /** @type {Promise<string | undefined> | undefined} */
  #asking
  #isDeclined = false

  /** @param {(refused: string | null) => Promise<string | undefined>} askForToken resolves to nothing where nobody says it */
  constructor(askForToken) {
    this.#askForToken = askForToken
  }

  /** Whether nobody wanted to say the token; then it is not asked for until `askAgain`. */
  get isDeclined() {
    return this.#isDeclined
  }

  askAgain() {
    this.#isDeclined = false
  }

  /**
   * @template Answer
   * @param {string} path
   * @returns {Promise<Answer>}
   */
  async get(path) {
    return JSON.parse(await wholeOf(this.#ask('GET', path)))
  }

  /**
   * @template Answer
   * @param {'POST' | 'DELETE'} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<Answer>}
   */
  async send(method, path, body) {
    return JSON.parse(await wholeOf(this.#ask(method, path, { body, patienceMs: CHANGING_FOR_MS })))
  }

  /**
   * Starts long work; resolves to its result.
   *
   * @template {WorkName} Name
   * @param {Name} name
   * @param {Works[Name]['body']} body
   * @param {(line: WorkLine<Name>) => void} onLine
   * @returns {Promise<Works[Name]['result']>}
   */
  async work(name, body, onLine) {
    for await (const text of linesOf(this.#ask('POST', name, { body }))) {
      const line = /** @type {WorkLine<Name>} */ (JSON.parse(text))
      if ('error' in line) throw new ApiFailure(line.error.message)
      if ('result' in line) return line.result
      onLine(line)
    }
    throw new ApiFailure('the daemon went away')
  }

  /**
   * How things stand, at once and each second; throws when the daemon goes away, or the signal is
   * aborted. An EventSource could not send the token.
   *
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<LiveStatus>}
   */
  async *live(signal) {
    for await (const line of linesOf(this.#ask('GET', 'live', { signal }))) {
      if (line.startsWith(DATA)) yield JSON.parse(line.slice(DATA.length))
    }
    throw new ApiFailure('the daemon went away')
  }

  /**
   * The answer in parts, as they come; it is left where the caller stops before its end. A daemon
   * that is silent for too long, from the question on, has gone away.
   *
   * @param {string} method
   * @param {string} path
   * @param {{ body?: object | undefined, signal?: AbortSignal, patienceMs?: number }} [options]
   * @returns {AsyncGenerator<string>}
   */
  async *#ask(method, path, options = {}) {
    const { body, signal, patienceMs = SILENT_FOR_MS } = options
    const token = sessionStorage.getItem(TOKEN_KEY)
    const silence = new Silence(patienceMs)
    const request = fetch(`api/v1/${path}`, {
      method,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.any([silence.signal, ...(signal ? [signal] : [])]),
    })
    const response = await silence.brokenBy(request, 'the daemon does not answer')
    if (response.status === 401 && (await this.#renewToken(token))) {
      yield* this.#ask(method, path, options)
      return
    }
    const parts = partsOf(response, silence)
    if (!response.ok) throw new ApiFailure(faultOf(response, await wholeOf(parts)))
    yield* parts
  }

  /**
   * However many requests were refused, the token is asked for once.
   *
   * @param {string | null} refused
   * @returns {Promise<boolean>} whether there is another one now
   */
  async #renewToken(refused) {
    if (this.#isDeclined) return false
    if (sessionStorage.getItem(TOKEN_KEY) === refused) {
      this.#asking ??= this.#askForToken(refused).finally(() => (this.#asking = undefined))
      const given = await this.#asking
      this.#isDeclined = given === undefined
      if (given === undefined) return false
      sessionStorage.setItem(TOKEN_KEY, given)
    }
    return true
  }
}

/** Ends a request that nothing has come of for too long. */
class Silence {
  #leaving = new AbortController()
  #patienceMs

  /** @param {number} patienceMs */
  constructor(patienceMs) {
    this.#patienceMs = patienceMs
  }

  get signal() {
    return this.#leaving.signal
  }

  leave() {
    this.#leaving.abort()
  }

  /**
   * @template Value
   * @param {Promise<Value>} said
   * @param {string} otherwise
   * @returns {Promise<Value>}
   */
  async brokenBy(said, otherwise) {
    const timer = setTimeout(() => this.leave(), this.#patienceMs)
    try {
      return await said
    } catch (cause) {
      throw new ApiFailure(otherwise, { cause })
    } finally {
      clearTimeout(timer)
    }
  }
}

/**
 * @param {Response} response
 * @param {Silence} silence
 * @returns {AsyncGenerator<string>}
 */
async function* partsOf({ body }, silence) {
  const reader = (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader()
  try {
    for (;;) {
      const { done, value } = await silence.brokenBy(reader.read(), 'the daemon went away')
      if (done) return
      yield value
    }
  } finally {
    silence.leave()
  }
}

/** @param {AsyncIterable<string>} parts */
async function wholeOf(parts) {
  let whole = ''
  for await (const part of parts) whole += part
  return whole
}

/**
 * @param {AsyncIterable<string>} parts
 * @returns {AsyncGenerator<string>}
 */
async function* linesOf(parts) {
  let rest = ''
  for await (const part of parts) {
    const lines = (rest + part).split('\n')
    rest = lines.pop() ?? ''
    yield* lines.filter((line) => line !== '')
  }
}

/**
 * @param {Response} response
 * @param {string} text
 */
function faultOf({ status, statusText }, text) {
  try {
    const { error } = /** @type {{ error: ApiFault }} */ (JSON.parse(text))
    return error.message
  } catch {
    // It comes from something in between.
    return `${status} ${statusText}`
  }
}
