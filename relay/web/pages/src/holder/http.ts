// Asking a node over HTTP: the same origin that the page came from, bounded in time, errors by who must act.
import type { Bytes } from '../protocol/bytes'
import { NotNow, Problem, Unreachable } from './problem'

const SECONDS_MAX = 30
const RETRY_AFTER_DEFAULT = 5
const RETRY_AFTER_MAX = 600
const SENTENCE_LENGTH_MAX = 400
const AGAIN_LATER = [429, 503, 507]

export interface Asked {
  method?: string
  /** Content-Type of the body. */
  type?: string
  headers?: Record<string, string>
  body?: Bytes | string
}

/** The answer to one request; throws `Unreachable`, `NotNow` or `Problem`. */
export async function ask(path: string, { method = 'GET', type, headers = {}, body }: Asked = {}): Promise<Response> {
  let answer: Response
  try {
    answer = await fetch(path, {
      method,
      body: body ?? null,
      headers: type ? { ...headers, 'Content-Type': type } : headers,
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(SECONDS_MAX * 1000)
    })
  } catch (error) {
    throw new Unreachable((error as Error).message)
  }
  if (!answer.ok) throw problemIn(answer.status, await textOf(answer), answer.headers.get('Retry-After'))
  return answer
}

/** The answer as JSON, which must be an object. */
export async function askJson<Answer extends object>(path: string, asked: Asked = {}): Promise<Answer> {
  const answer = await ask(path, asked)
  const said = parsed(await textOf(answer))
  if (said) return said as Answer
  throw new Unreachable('What answers is not a relay.')
}

/** The answer's bytes. */
export async function askBytes(path: string, asked: Asked = {}): Promise<Bytes> {
  const answer = await ask(path, asked)
  try {
    return new Uint8Array(await answer.arrayBuffer())
  } catch (error) {
    throw new Unreachable((error as Error).message)
  }
}

/** Problem details (RFC 9457) as our own error; the sentence is a stranger's and is cut short. */
export function problemIn(status: number, body: string, retryAfter: string | null): Problem {
  const said = parsed(body) as { code?: unknown; detail?: unknown } | null
  const code = typeof said?.code === 'string' ? said.code : codeOf(status)
  const detail = typeof said?.detail === 'string' ? said.detail.slice(0, SENTENCE_LENGTH_MAX) : `HTTP ${status}`
  if (AGAIN_LATER.includes(status)) return new NotNow(code, detail, secondsIn(retryAfter))
  return status >= 500 ? new Unreachable(detail) : new Problem(code, detail)
}

/** The code of an answer that has no body of ours. */
function codeOf(status: number): string {
  if (status === 404 || status === 405) return 'not-found'
  return AGAIN_LATER.includes(status) ? 'busy' : 'bad-request'
}

function secondsIn(text: string | null): number {
  const seconds = Number(text ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, RETRY_AFTER_MAX) : RETRY_AFTER_DEFAULT
}

async function textOf(answer: Response): Promise<string> {
  try {
    return await answer.text()
  } catch (error) {
    throw new Unreachable((error as Error).message)
  }
}

function parsed(text: string): object | null {
  try {
    const said: unknown = JSON.parse(text)
    return typeof said === 'object' && said !== null && !Array.isArray(said) ? said : null
  } catch {
    return null
  }
}
