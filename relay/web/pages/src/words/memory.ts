// What the browser remembers for comfort only: the language, the last station, what was half typed. It may be blocked.

type Kind = 'browser' | 'tab'

/** What was remembered under `key`; null if nothing was, or if the browser keeps nothing. */
export function recall(kind: Kind, key: string): string | null {
  try {
    return storeOf(kind).getItem(key)
  } catch {
    return null
  }
}

/** Remembers `value` for the browser, or for this tab only; an empty one is forgotten. */
export function remember(kind: Kind, key: string, value: string): void {
  try {
    if (value === '') storeOf(kind).removeItem(key)
    else storeOf(kind).setItem(key, value)
  } catch {
    // only comfort is lost: what must be kept lies in IndexedDB
  }
}

const storeOf = (kind: Kind): Storage => (kind === 'browser' ? localStorage : sessionStorage)
