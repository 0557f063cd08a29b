// What a path of the node answers, asked again whenever something there has changed; what was there stays meanwhile.
import { useEffect, useState } from 'preact/hooks'
import { askJson } from '../../holder/http'
import { type Problem, problemOf } from '../../holder/problem'

/** Much may change in one go, and is asked about once. */
const SETTLE_MILLISECONDS = 400
const KEPT_MAX = 64

export interface Answer<Value> {
  value: Value | null
  problem: Problem | null
}

/** By path, the newest last: who goes back sees at once what was there. */
const kept = new Map<string, object>()

function keep(path: string, value: object): void {
  kept.delete(path)
  kept.set(path, value)
  const [oldest] = kept.keys()
  if (oldest !== undefined && kept.size > KEPT_MAX) kept.delete(oldest)
}

/** `changed`: anything that is another value after a change. */
export function useAnswer<Value extends object>(path: string, changed: number): Answer<Value> {
  const [, setAsked] = useState(0)
  const [failed, setFailed] = useState<{ path: string; problem: Problem } | null>(null)
  useEffect(() => {
    let isWanted = true
    const load = async (): Promise<void> => {
      try {
        keep(path, await askJson<Value>(path))
        if (isWanted) setFailed(null)
      } catch (error) {
        if (isWanted) setFailed({ path, problem: problemOf(error) })
      }
      if (isWanted) setAsked((before) => before + 1)
    }
    const later = setTimeout(load, kept.has(path) ? SETTLE_MILLISECONDS : 0)
    return () => {
      isWanted = false
      clearTimeout(later)
    }
  }, [path, changed])
  const value = (kept.get(path) as Value | undefined) ?? null
  return { value, problem: failed?.path === path ? failed.problem : null }
}

/** Forgets everything, such as after logging out. */
export const forgetAnswers = (): void => kept.clear()
