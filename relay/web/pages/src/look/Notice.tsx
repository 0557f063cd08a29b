// A sentence that must not be overlooked: what is the matter, and what to do next.

import type { ComponentChildren } from 'preact'

export type Tone = 'plain' | 'good' | 'wait' | 'bad'

const SIGNS: Record<Tone, string> = { plain: 'i', good: '✓', wait: '!', bad: '✕' }

interface Props {
  tone?: Tone
  title?: string | undefined
  /** Says itself aloud when it appears; `alert` at once. */
  live?: 'status' | 'alert' | undefined
  children?: ComponentChildren
}

export function Notice({ tone = 'plain', title, live, children }: Props) {
  return (
    <div class={`notice ${tone}`} role={live}>
      <span class="sign" aria-hidden="true">
        {SIGNS[tone]}
      </span>
      <div>
        {title && <p class="notice-title">{title}</p>}
        {children}
      </div>
    </div>
  )
}
