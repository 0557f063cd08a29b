// The kecamatan's running totals, so that nobody has to telephone when the centre is down.
import { useEffect, useState } from 'preact/hooks'
import { askJson } from '../../holder/http'
import type { Problem } from '../../holder/problem'
import { at, route } from '../../look/route'
import { catalogue } from '../../protocol/forms'
import { say } from '../../words/words'
import { board, changes } from '../live'
import { TotalsView } from '../parts/TotalsView'
import { Trouble } from '../parts/Trouble'
import { moment } from '../parts/units'
import type { Totals } from '../shapes'

const SETTLE_MILLISECONDS = 400

export function TotalsScreen({ scope }: { scope: string }) {
  const forms = board.value?.forms ?? []
  const form = Number(route.value[1] ?? forms[0] ?? 0)
  const [totals, setTotals] = useState<Totals | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const changed = changes.value
  useEffect(() => {
    const load = (): void => {
      askJson<Totals>(`/v1/totals?form=${form}&scope=${scope}`).then(
        (found) => {
          setTotals(found)
          setProblem(null)
        },
        (error) => setProblem(error as Problem)
      )
    }
    const later = setTimeout(load, totals ? SETTLE_MILLISECONDS : 0) // many stations may change in one go
    return () => clearTimeout(later)
  }, [form, scope, changed])
  if (forms.length === 0) return <p class="notice wait">{say('totals.no-forms')}</p>
  return (
    <>
      {forms.length > 1 && (
        <nav class="filters no-print" aria-label={say('totals.forms')}>
          {forms.map((code) => (
            <a key={code} class="button" href={at('totals', code)} aria-current={code === form ? 'page' : undefined}>
              {catalogue.get(code)?.name ?? code}
            </a>
          ))}
        </nav>
      )}
      {problem && <Trouble problem={problem} />}
      {totals && totals.form === form && <TotalsView totals={totals} />}
      <p class="print-only">
        {say('totals.printed', { when: moment(Date.now() / 1000), relay: board.value?.name ?? scope })}
      </p>
      <p class="downloads no-print">
        <button type="button" onClick={() => window.print()}>
          {say('totals.print')}
        </button>
        {(['xlsx', 'csv'] as const).map((kind) => (
          <a
            key={kind}
            class="button"
            href={`/v1/sheets/totals.${kind}?form=${form}`}
            download={`totals-${form}.${kind}`}
          >
            {say(`board.download-${kind}`)}
          </a>
        ))}
      </p>
    </>
  )
}
