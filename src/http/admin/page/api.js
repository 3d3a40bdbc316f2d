// @ts-check

/**
 * @import { ApiFault, WorkLine, WorkName, Works } from '../../../admin-api.ts'
 * @import { LiveStatus } from '../../../admin-daemon.ts'
 */

/** Where the token is kept: as long as the tab is. */
const TOKEN_KEY = 'entrepot.admin.token'
const DATA = 'data: '
/** How things stand is told each second. */
const SILENT_FOR_MS = 10_000

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

  /** @param {(refused: string | null) => Promise<string | undefined>} askForToken resolves to nothing where nobody says it */
  constructor(askForToken) {
    this.#askForToken = askForToken
  }

  /**
   * @template Answer
   * @param {string} path
   * @returns {Promise<Answer>}
   */
  async get(path) {
    const response = await this.#request('GET', path)
    return response.json()
  }

  /**
   * @template Answer
   * @param {'POST' | 'DELETE'} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<Answer>}
   */
  async send(method, path, body) {
    const response = await this.#request(method, path, body)
    return response.json()
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
    const response = await this.#request('POST', name, body)
    for await (const text of linesOf(response)) {
      const line = /** @type {WorkLine<Name>} */ (JSON.parse(text))
      if ('error' in line) throw new ApiFailure(line.error.message)
      if ('result' in line) return line.result
      onLine(line)
    }
    throw new ApiFailure('the daemon went away')
  }

  /**
   * How things stand, at once and each second; throws when the daemon goes away, is silent, or the
   * signal is aborted. An EventSource could not send the token.
   *
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<LiveStatus>}
   */
  async *live(signal) {
    const silence = new AbortController()
    const leave = () => silence.abort()
    const either = AbortSignal.any([signal, silence.signal])
    const response = await this.#request('GET', 'live', undefined, either)
    let timer = setTimeout(leave, SILENT_FOR_MS)
    try {
      for await (const line of linesOf(response)) {
        if (!line.startsWith(DATA)) continue
        clearTimeout(timer)
        yield JSON.parse(line.slice(DATA.length))
        timer = setTimeout(leave, SILENT_FOR_MS)
      }
    } catch (cause) {
      throw new ApiFailure('the daemon went away', { cause })
    } finally {
      clearTimeout(timer)
    }
    throw new ApiFailure('the daemon went away')
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {AbortSignal} [signal]
   * @returns {Promise<Response>}
   */
  async #request(method, path, body, signal) {
    const token = sessionStorage.getItem(TOKEN_KEY)
    const response = await fetch(`api/v1/${path}`, {
      method,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    }).catch((cause) => {
      throw new ApiFailure('the daemon does not answer', { cause })
    })
    if (response.status === 401 && (await this.#renewToken(token))) {
      return this.#request(method, path, body, signal)
    }
    if (!response.ok) throw new ApiFailure(await faultOf(response))
    return response
  }

  /**
   * However many requests were refused, the token is asked for once.
   *
   * @param {string | null} refused
   * @returns {Promise<boolean>} whether there is another one now
   */
  async #renewToken(refused) {
    if (sessionStorage.getItem(TOKEN_KEY) === refused) {
      this.#asking ??= this.#askForToken(refused).finally(() => (this.#asking = undefined))
      const given = await this.#asking
      if (given === undefined) return false
      sessionStorage.setItem(TOKEN_KEY, given)
    }
    return true
  }
}

/** @param {Response} response */
async function faultOf(response) {
  const text = await response.text()
  try {
    const { error } = /** @type {{ error: ApiFault }} */ (JSON.parse(text))
    return error.message
  } catch {
    // It comes from something in between.
    return `${response.status} ${response.statusText}`
  }
}

/**
 * Ends the answer where the caller stops before its end.
 *
 * @param {Response} response
 * @returns {AsyncGenerator<string>}
 */
async function* linesOf({ body }) {
  const reader = (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const lines = (rest + value).split('\n')
      rest = lines.pop() ?? ''
      yield* lines.filter((line) => line !== '')
    }
  } finally {
    await reader.cancel()
  }
}
