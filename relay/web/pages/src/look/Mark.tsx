// A word or two about how something stands, with a sign for those who do not see the colour.

import type { Tone } from './Notice'

const SIGNS: Record<Tone, string> = { plain: '○', good: '✓', wait: '!', bad: '✕' }

export function Mark({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span class={`mark ${tone}`}>
      <span aria-hidden="true">{SIGNS[tone]} </span>
      {children}
    </span>
  )
}
