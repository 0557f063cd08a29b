// Where in the page one is: the part of the address behind `#`, so that the back button works everywhere.
import { signal } from '@preact/signals'

/** The parts of `#/tps/6501082001001`: `['tps', '6501082001001']`. */
export const route = signal<string[]>(read())

window.addEventListener('hashchange', () => {
  route.value = read()
})

/** The address of a place in this page. */
export const at = (...parts: (string | number)[]): string => `#/${parts.map(encodeURIComponent).join('/')}`

/** Goes there; `replace` leaves no step for the back button. */
export function go(address: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') location.hash = address
  else location.replace(address)
}

function read(): string[] {
  return location.hash
    .replace(/^#\/?/, '')
    .split('/')
    .filter((part) => part !== '')
    .map(decode)
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
