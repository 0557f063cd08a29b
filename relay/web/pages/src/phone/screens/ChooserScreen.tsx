// Which station, for a phone that speaks for several: those already begun, or its number typed.

import { useSignal } from '@preact/signals'
import { Notice } from '../../look/Notice'
import { go } from '../../look/route'
import { Screen } from '../../look/Screen'
import { say } from '../../words/words'
import type { Holder } from '../engine/types'
import { useEngine } from './context'
import * as places from './places'

const TPS_DIGITS = 13

export function ChooserScreen({ holder }: { holder: Holder }) {
  const engine = useEngine()
  const missing = TPS_DIGITS - holder.scope.length
  const typed = useSignal('')
  const wrong = useSignal(false)
  const begun = [...new Set([...engine.items.value, ...engine.drafts.value].map(({ tps }) => tps))].sort()
  const open = (event: Event) => {
    event.preventDefault()
    const digits = missing === 3 ? typed.value.padStart(3, '0') : typed.value
    wrong.value = digits.length !== missing || /^0*$/.test(digits.slice(-3))
    if (!wrong.value) go(places.station(holder.scope + digits))
  }
  return (
    <Screen
      title={say('chooser.title')}
      above={say('chooser.scope', { scope: holder.scope })}
      actions={
        <button type="submit" form="chooser" class="main grow">
          {say('chooser.open')}
        </button>
      }
    >
      <form id="chooser" class="stack" onSubmit={open}>
        <label for="number">{say(missing === 3 ? 'chooser.number' : 'chooser.digits', { count: missing })}</label>
        <input
          id="number"
          class="large"
          inputMode="numeric"
          autoComplete="off"
          maxLength={missing}
          value={typed.value}
          aria-invalid={wrong.value}
          aria-describedby="number-wrong"
          onInput={(event) => {
            typed.value = event.currentTarget.value.replace(/\D/g, '')
            event.currentTarget.value = typed.value
          }}
        />
        <div id="number-wrong" aria-live="polite">
          {wrong.value && (
            <Notice tone="bad">
              <p>{say('chooser.wrong', { count: missing })}</p>
            </Notice>
          )}
        </div>
      </form>
      {begun.length > 0 && (
        <section>
          <h2>{say('chooser.begun')}</h2>
          <ul class="index">
            {begun.map((tps) => (
              <li key={tps}>
                <a class="index-link" href={places.station(tps)}>
                  <span>{places.tpsName(tps)}</span>
                  <span class="soft">{tps}</span>
                </a>
              </li>
            ))}
          </ul>
        </section>
      )}
    </Screen>
  )
}
