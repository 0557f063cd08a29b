// Bahasa Indonesia or English, each named in its own language.

import { type Language, language, say, speak } from '../../words/words'

const NAMES: Record<Language, string> = { id: 'Bahasa Indonesia', en: 'English' }

export function LanguageChoice() {
  return (
    <fieldset class="row bare">
      <legend class="visually-hidden">{say('settings.language')}</legend>
      {(Object.keys(NAMES) as Language[]).map((one) => (
        <button key={one} type="button" lang={one} aria-pressed={language.value === one} onClick={() => speak(one)}>
          {NAMES[one]}
        </button>
      ))}
    </fieldset>
  )
}
