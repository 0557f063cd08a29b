// TPS codes and scopes: 13 digits that name a polling station, and the prefixes that name a region.

import { Rejected } from './errors'

/** Length of a scope in digits -> what it names, in the words of the forms. */
export const LEVELS: Readonly<Record<number, string>> = {
  0: 'nasional',
  2: 'provinsi',
  4: 'kabupaten/kota',
  6: 'kecamatan',
  10: 'desa/kelurahan',
  13: 'TPS'
}

/** The scope of the whole country. */
export const NATIONAL = ''

/** `text` if it has exactly 13 digits, or `Rejected(tps-malformed)`. */
export function tpsCode(text: string): string {
  if (/^[0-9]{13}$/.test(text)) return text
  throw new Rejected('tps-malformed', 'A TPS code has 13 digits, such as 6501082001001.')
}

/** `text` if it has 0, 2, 4, 6, 10 or 13 digits, or `Rejected(tps-malformed)`. */
export function scope(text: string): string {
  if (/^[0-9]*$/.test(text) && text.length in LEVELS) return text
  throw new Rejected('tps-malformed', 'A scope is the first 0, 2, 4, 6, 10 or all 13 digits of a TPS code.')
}

/** Whether region `outer` contains region or station `inner`. */
export const covers = (outer: string, inner: string): boolean => inner.startsWith(outer)

/** What a scope names: `level('650108')` is `kecamatan`. */
export const level = (of: string): string => LEVELS[of.length] ?? ''
