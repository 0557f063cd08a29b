// Moments and sizes as people say them, in the language chosen.

import { language } from '../words/words'

const locale = (): string => (language.value === 'id' ? 'id-ID' : 'en-GB')

/** `14 Feb 2024, 23.05` of Unix seconds, in the phone's own time zone. */
export const moment = (unix: number): string =>
  new Date(unix * 1000).toLocaleString(locale(), { dateStyle: 'medium', timeStyle: 'short' })

/** `23.05` of Unix seconds. */
export const clockTime = (unix: number): string =>
  new Date(unix * 1000).toLocaleTimeString(locale(), { hour: '2-digit', minute: '2-digit' })

/** `1,2 MB`, `340 kB`: decimal, as phones say it. */
export function size(bytes: number): string {
  const megabytes = bytes >= 1e6
  const value = bytes / (megabytes ? 1e6 : 1e3)
  return `${value.toLocaleString(locale(), { maximumFractionDigits: megabytes ? 1 : 0 })} ${megabytes ? 'MB' : 'kB'}`
}

/** A code or digest in groups of four, to be compared by eye or read aloud. */
export const inFours = (text: string): string => text.replace(/(.{4})(?=.)/g, '$1 ')
