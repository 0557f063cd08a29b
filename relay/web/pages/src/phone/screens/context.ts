// How the screens come to the engine, and to the draft that is being filled in.

import { useSignal } from '@preact/signals'
import { createContext } from 'preact'
import { useContext, useEffect } from 'preact/hooks'
import { catalogue, type Form } from '../../protocol/forms'
import type { Draft, Engine, Holder } from '../engine/types'
import { explainError } from './explainError'

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
  const problem = useSignal<string | null>(null)
  const fail = (error: unknown) => {
    problem.value = explainError(error)
  }
  useEffect(() => {
    problem.value = null
    engine.draft(tps, form).catch(fail)
  }, [engine, tps, form])
  const draft = engine.drafts.value.find((one) => one.tps === tps && one.form === form) ?? null
  const edit = (change: Partial<Pick<Draft, 'figures' | 'kept'>>) => {
    if (draft) engine.save({ ...draft, ...change }).catch(fail) // shown at once, before it is kept
  }
  return { draft, problem: problem.value, edit }
}
