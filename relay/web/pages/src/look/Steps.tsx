// Where an item is, in four truthful steps: on the phone, at the relay, on its way, at the centre.

import { say } from '../words/words'

const STEPS = ['on-phone', 'at-relay', 'on-its-way', 'at-centre'] as const

export type StepName = (typeof STEPS)[number]

interface Props {
  step: StepName
  /** Something stands in the way at this step. */
  trouble?: boolean
  /** It was refused there, and goes no further. */
  refused?: boolean
  /** What is known about a step: when it was reached, by whose word. */
  facts?: Partial<Record<StepName, string>>
}

/** The steps one below the other, with what is known of each. */
export function Steps({ step, trouble = false, refused = false, facts = {} }: Props) {
  const reached = STEPS.indexOf(step)
  return (
    <ol class={`steps ${refused ? 'refused' : trouble ? 'trouble' : ''}`}>
      {STEPS.map((name, at) => (
        <li key={name} class={className(at, reached)} aria-current={at === reached ? 'step' : undefined}>
          <span class="dot" aria-hidden="true">
            {at > reached ? '' : signOf(at === reached, trouble, refused)}
          </span>
          <span>
            <span class="step-name">{say(`state.${name}`)}</span>
            <span class="visually-hidden"> {say(at <= reached ? 'common.reached' : 'common.not-yet')}</span>
            {facts[name] && <span class="step-fact soft">{facts[name]}</span>}
          </span>
        </li>
      ))}
    </ol>
  )
}

/** The same in one line: four bars and the words of the step that was reached. */
export function StepsLine({ step, trouble = false }: Props) {
  const reached = STEPS.indexOf(step)
  return (
    <span class={trouble ? 'steps-line trouble' : 'steps-line'}>
      <span class="bars" aria-hidden="true">
        {STEPS.map((name, at) => (
          <i key={name} class={at <= reached ? 'reached' : ''} />
        ))}
      </span>
      {say(`state.${step}`)}
    </span>
  )
}

function signOf(here: boolean, trouble: boolean, refused: boolean): string {
  if (here && refused) return '✕'
  return here && trouble ? '!' : '✓'
}

function className(at: number, reached: number): string {
  if (at > reached) return 'ahead'
  return at === reached ? 'here' : 'passed'
}
