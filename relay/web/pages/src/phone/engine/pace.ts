// How long to wait before the next attempt: pure, randomness is handed in.

const RETRY_SECONDS_FIRST = 1
const RETRY_SECONDS_MOST = 30
const POLL_SECONDS_FIRST = 2
const POLL_SECONDS_MOST = 60
const IDLE_SECONDS = 120

/** What the last round came to. `failures` and `quiet` count rounds in a row. */
export interface Standing {
  /** Rounds that failed. */
  failures: number
  /** Rounds in which nothing new was learned. */
  quiet: number
  /** Whether anything still waits for a receipt. */
  open: boolean
  /** What the relay asked for, seconds. */
  notBefore: number
}

/** Seconds until the next round; `chance` in [0, 1) spreads phones that were cut off together. */
export function pauseSeconds({ failures, quiet, open, notBefore }: Standing, chance: number): number {
  const spread = 0.5 + 0.5 * chance
  if (failures > 0) return Math.max(notBefore, doubled(RETRY_SECONDS_FIRST, failures - 1, RETRY_SECONDS_MOST) * spread)
  if (!open) return IDLE_SECONDS * spread
  return doubled(POLL_SECONDS_FIRST, quiet / 2, POLL_SECONDS_MOST) * spread
}

const doubled = (first: number, times: number, most: number) => Math.min(most, first * 2 ** Math.min(times, 32))
