// Moments and sizes as people say them, in the language chosen.

import { language } from '../words/words'

const locale = (): string => (language.value === 'id' ? 'id-ID' : 'en-GB')

/** `14 Feb 2024, 23.05` of Unix seconds, in the phone's own time zone. */
export const moment = (unix: number): string =>
  new Date(unix * 1000).toLocaleString(locale(), { dateStyle: 'medium', timeStyle: 'short' })

/** `23.05` of Unix seconds. */
export const clockTime = (unix: number): string =>
  new Date(unix * 1000).toLocaleTimeString(locale(), { hour: '2-digit', minute: '2-digit' })

/** `10,7 GB`, `1,2 MB`, `340 kB`: decimal, as phones say it. */
export function size(bytes: number): string {
  const [unit, of] = bytes >= 1e9 ? ['GB', 1e9] : bytes >= 1e6 ? ['MB', 1e6] : ['kB', 1e3]
  return `${(bytes / of).toLocaleString(locale(), { maximumFractionDigits: of > 1e3 ? 1 : 0 })} ${unit}`
}

/** A code or digest in groups of four, to be compared by eye or read aloud. */
export const inFours = (text: string): string => text.replace(/(.{4})(?=.)/g, '$1 ')
