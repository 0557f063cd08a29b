// What a path of the node answers, asked again whenever something there has changed; what was there stays meanwhile.
import { useEffect, useState } from 'preact/hooks'
import { askJson } from '../../holder/http'
import { type Problem, problemOf } from '../../holder/problem'

/** Much may change in one go, and is asked about once. */
const SETTLE_MILLISECONDS = 400

export interface Answer<Value> {
  value: Value | null
  problem: Problem | null
}

/** `changed`: anything that is another value after a change. */
export function useAnswer<Value extends object>(path: string, changed: number): Answer<Value> {
  const [answer, setAnswer] = useState<Answer<Value> & { path: string }>({ path, value: null, problem: null })
  const isKnown = answer.path === path && answer.value !== null
  useEffect(() => {
    let isWanted = true
    const load = (): void => {
      askJson<Value>(path).then(
        (value) => isWanted && setAnswer({ path, value, problem: null }),
        (error: unknown) =>
          isWanted &&
          setAnswer((before) => ({
            path,
            value: before.path === path ? before.value : null,
            problem: problemOf(error)
          }))
      )
    }
    const later = setTimeout(load, isKnown ? SETTLE_MILLISECONDS : 0)
    return () => {
      isWanted = false
      clearTimeout(later)
    }
  }, [path, changed])
  return answer.path === path ? answer : { value: null, problem: null }
}
