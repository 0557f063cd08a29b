// The rules that the figures break: each in a sentence with its numbers, to be mended or kept "as on the paper".

import { Notice } from '../../look/Notice'
import { sentence } from '../../look/sentences'
import { type Form, INCOMPLETE } from '../../protocol/forms'
import type { Rule } from '../../protocol/rules'
import { say } from '../../words/words'
import type { Draft } from '../engine/types'

interface Props {
  form: Form
  draft: Draft
  /** Which of the broken rules are shown. */
  rules: readonly Rule[]
  onKeep: (kept: string[]) => void
}

export function BrokenRules({ form, draft, rules, onKeep }: Props) {
  return (
    <ul class="plain-list">
      {rules.map((rule) => (
        <li key={rule.id}>
          {rule.soft ? (
            <Notice>
              <p>{sentence(form, rule, draft.figures)}</p>
              <p>{say('fill.soft')}</p>
            </Notice>
          ) : (
            <Kept id={rule.id} kept={draft.kept} onKeep={onKeep} words={sentence(form, rule, draft.figures)} />
          )}
        </li>
      ))}
    </ul>
  )
}

/** Boxes that are blank, to be filled in or kept blank on purpose. */
export function BlankBoxes({ draft, onKeep }: Pick<Props, 'draft' | 'onKeep'>) {
  const count = draft.figures.filter((figure) => figure === null).length
  if (count === 0) return null
  return <Kept id={INCOMPLETE} kept={draft.kept} onKeep={onKeep} words={say('fill.blank-boxes', { count })} />
}

interface KeptProps {
  id: string
  kept: string[]
  words: string
  onKeep: (kept: string[]) => void
}

function Kept({ id, kept, words, onKeep }: KeptProps) {
  const isKept = kept.includes(id)
  return (
    <Notice tone={isKept ? 'plain' : 'wait'}>
      <p>{words}</p>
      <label class="check">
        <input
          type="checkbox"
          checked={isKept}
          data-flag={id}
          onChange={() => onKeep(isKept ? kept.filter((other) => other !== id) : [...kept, id])}
        />
        {say('fill.as-on-paper')}
      </label>
    </Notice>
  )
}
