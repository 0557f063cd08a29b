// A long list is drawn in parts, so that the first of it is there at once and nobody waits for the last.
import { useEffect, useState } from 'preact/hooks'

const AT_ONCE = 120

/** How many of `count` to draw now: `first` or so at once, and the rest in the pauses after. */
export function useGradually(count: number, first = 0): number {
  const [drawn, setDrawn] = useState(Math.max(first, AT_ONCE))
  useEffect(() => {
    if (drawn > count) setDrawn(Math.max(count, AT_ONCE)) // a list that grows again begins from here
    if (drawn >= count) return
    const next = setTimeout(() => setDrawn(drawn + AT_ONCE))
    return () => clearTimeout(next)
  }, [drawn, count])
  return Math.min(drawn, count)
}
