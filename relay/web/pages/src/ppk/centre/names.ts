// What regions are called, as far as the centre has told it on the way down to where one is.
import { signal } from '@preact/signals'

const names = signal<ReadonlyMap<string, string>>(new Map())

/** Regions with their names; those without are left out. */
export function remember(regions: readonly { scope: string; name: string }[]): void {
  const news = regions.filter(({ scope, name }) => name !== '' && names.peek().get(scope) !== name)
  if (news.length > 0)
    names.value = new Map([...names.peek(), ...news.map(({ scope, name }) => [scope, name] as const)])
}

export const nameOf = (scope: string): string => names.value.get(scope) ?? scope
