// What went wrong, for a person; and the three ways in which asking a node can fail, by who must act.

/** What stands in the way, in a code (`words/codes.toml`) and the sentence of who said it. */
export interface Trouble {
  code: string
  detail: string
}

/** `code` has words in `words/codes.toml`; `detail` is the sentence of who said it. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly detail: string
  ) {
    super(detail)
  }
}

/** Nothing is wrong with what was sent: ask again after `seconds`. */
export class NotNow extends Problem {
  constructor(
    code: string,
    detail: string,
    readonly seconds: number
  ) {
    super(code, detail)
  }
}

/** The node is not reached, or is no use now. */
export class Unreachable extends Problem {
  constructor(detail: string) {
    super('relay-unreachable', detail)
  }
}

/** Any error as a `Problem`: those of the protocol and of the browser's storage keep their meaning. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (isRejected(error)) return new Problem(error.code, error.sentence)
  const { name = '', message = String(error) } = error as Partial<Error>
  if (name === 'QuotaExceededError') return new Problem('storage-full', message)
  if (name === 'NotReadableError' || name === 'NotFoundError') return new Problem('photograph-damaged', message)
  return new Problem('internal', `${name}: ${message}`)
}

const isRejected = (error: unknown): error is { code: string; sentence: string } =>
  typeof (error as { sentence?: unknown }).sentence === 'string'
