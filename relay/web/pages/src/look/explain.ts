// What a stable code means to a person: the words of codes.toml, or the sentence of who said it.

import { knows, say } from '../words/words'

/** The words for `code`; `votes-party-7` has those of `votes-party`, with its number. */
export function explain(code: string, detail = ''): string {
  if (knows(code)) return say(code)
  const numbered = /^(.+)-(\d+)$/.exec(code)
  if (numbered?.[1] && knows(numbered[1])) return say(numbered[1], { number: numbered[2] ?? '' })
  return detail || say('common.unknown-code', { code })
}
