// How the screens come to the engine, and to the draft that is being filled in.

import { useSignal } from '@preact/signals'
import { createContext } from 'preact'
import { useContext, useEffect } from 'preact/hooks'
import { explainError } from '../../look/explain'
import { catalogue, type Form } from '../../protocol/forms'
import type { Draft, Engine, Holder } from '../engine/types'

const EngineContext = createContext<Engine | null>(null)

export const EngineProvider = EngineContext.Provider

export function useEngine(): Engine {
  const engine = useContext(EngineContext)
  if (!engine) throw new Error('a screen outside of the page')
  return engine
}

/** Whose phone this is; screens behind enrolment only. */
export function useHolder(): Holder | null {
  const enrolment = useEngine().enrolment.value
  return enrolment.state === 'enrolled' ? enrolment.holder : null
}

/** The forms that the relay expects, or all that are known before it was ever heard. */
export function useForms(): Form[] {
  const expected = useEngine().relay.value.forms
  const known = [...catalogue.values()].sort((one, other) => one.code - other.code)
  const wanted = known.filter(({ code }) => expected.includes(code))
  return wanted.length > 0 ? wanted : known
}

type Entered = Pick<Draft, 'figures' | 'kept' | 'changedAt'>

export interface Editing {
  draft: Draft | null
  /** Why it could not be opened or kept, in words. */
  problem: string | null
  /** Shows the change at once, and keeps it on the phone. */
  edit(change: Partial<Pick<Draft, 'figures' | 'kept'>>): void
}

/** The draft of one form of one station; opened if there is none. */
export function useDraft(tps: string, form: number): Editing {
  const engine = useEngine()
  const entered = useSignal<Entered | null>(null)
  const problem = useSignal<string | null>(null)
  const fail = (error: unknown) => {
    problem.value = explainError(error)
  }
  useEffect(() => {
    entered.value = null
    problem.value = null
    engine.draft(tps, form).catch(fail)
  }, [engine, tps, form])
  const stored = engine.drafts.value.find((draft) => draft.tps === tps && draft.form === form) ?? null
  // What was typed here is shown before it is kept, unless another tab has written since.
  const mine = stored && entered.value && entered.value.changedAt >= stored.changedAt ? entered.value : {}
  const draft = stored && { ...stored, ...mine }
  const edit = (change: Partial<Entered>) => {
    if (!draft) return
    const { figures, kept } = { ...draft, ...change }
    entered.value = { figures, kept, changedAt: Math.floor(Date.now() / 1000) }
    engine.save({ ...draft, ...entered.value }).catch(fail)
  }
  return { draft, problem: problem.value, edit }
}
