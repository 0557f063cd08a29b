// The words of both pages, from the TOML files that Python reads too; Bahasa Indonesia first, English second.

import { signal } from '@preact/signals'
import codes from '@words/codes.toml'
import common from '@words/common.toml'
import phone from '@words/phone.toml'
import ppk from '@words/ppk.toml'
import { recall, remember } from './memory'

export type Language = 'id' | 'en'

type Entry = { id: string; en: string }

const entries = { ...common, ...codes, ...phone, ...ppk } as Record<string, Entry>

const KEPT = 'language'

export const language = signal<Language>(recall('browser', KEPT) === 'en' ? 'en' : 'id')

/** Changes the language of all that is on the screen, and keeps the choice. */
export function speak(chosen: Language): void {
  language.value = chosen
  remember('browser', KEPT, chosen)
  document.documentElement.lang = chosen
}

/** The words for `key` in the language chosen; `{name}` in them stands for `values.name`. */
export function say(key: string, values: Record<string, string | number> = {}): string {
  const entry = entries[key]
  if (!entry) return key
  return entry[language.value].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

/** Whether there are words for `key`. */
export const knows = (key: string): boolean => key in entries

/** `1.234` in Bahasa Indonesia, `1,234` in English. */
export const number = (value: number): string => value.toLocaleString(language.value === 'id' ? 'id-ID' : 'en-GB')
