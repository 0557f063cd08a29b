// The most useful thing to do at a station now, as one large button.

import { say } from '../../words/words'
import { useEngine, useForms } from './context'
import * as places from './places'
import { type FormStanding, type Next, type NextKind, newest } from './standing'

/** How every expected form of a station stands, from the engine's signals. */
export function useStandings(tps: string): FormStanding[] {
  const engine = useEngine()
  return useForms().map((form) => ({
    form,
    draft: engine.drafts.value.find((draft) => draft.tps === tps && draft.form === form.code) ?? null,
    tally: newest(engine.items.value, 'tally', tps, form.code),
    documents: newest(engine.items.value, 'documents', tps, form.code)
  }))
}

export function NextLink({ tps, next, class: className }: { tps: string; next: Next; class: string }) {
  const [before, after] = say(`next.${next.kind}`).split('{form}')
  return (
    <a class={`button main ${className}`} href={placeOf(tps, next)}>
      <span>
        {before}
        <span class="nowrap">{next.form.name}</span>
        {after}
      </span>
    </a>
  )
}

const TO_FORM: NextKind[] = ['fill', 'go-on', 'mend']

function placeOf(tps: string, { kind, form }: Next): string {
  if (TO_FORM.includes(kind)) return places.form(tps, form.code)
  return kind.startsWith('photograph') ? places.photographs(tps, form.code) : places.review(tps, form.code)
}
