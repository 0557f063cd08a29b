// What a path of the centre answers, asked again whenever something has changed there.
import { useEffect, useState } from 'preact/hooks'
import { askJson } from '../../holder/http'
import type { Problem } from '../../holder/problem'
import { changes } from './CentrePage'

export interface Answer<Value> {
  value: Value | null
  problem: Problem | null
}

export function useAnswer<Value extends object>(path: string): Answer<Value> {
  const [answer, setAnswer] = useState<Answer<Value> & { path: string }>({ path, value: null, problem: null })
  const changed = changes.value
  useEffect(() => {
    let current = true
    askJson<Value>(path).then(
      (value) => current && setAnswer({ path, value, problem: null }),
      (error) => current && setAnswer((before) => ({ ...before, path, problem: error as Problem }))
    )
    return () => {
      current = false
    }
  }, [path, changed])
  return answer.path === path ? answer : { value: null, problem: null }
}
