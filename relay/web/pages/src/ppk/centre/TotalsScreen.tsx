// The running totals of a region, form by form, as the centre has recorded them; unofficial like any sum before the count.
import { useState } from 'preact/hooks'
import { catalogue } from '../../protocol/forms'
import { say } from '../../words/words'
import { TotalsView } from '../parts/TotalsView'
import { Trouble } from '../parts/Trouble'
import type { Totals } from '../shapes'
import { Trail } from './RegionScreen'
import { useAnswer } from './useAnswer'

export function TotalsScreen({ scope, forms }: { scope: string; forms: number[] }) {
  const known = forms.length ? forms : [...catalogue.keys()]
  const [form, setForm] = useState(known[0] ?? 0)
  const { value, problem } = useAnswer<Totals>(`/v1/totals?form=${form}&scope=${encodeURIComponent(scope)}`)
  return (
    <>
      <Trail scope={scope} />
      <label class="search no-print">
        <span>{say('totals.forms')}</span>
        <select value={form} onChange={(event) => setForm(Number(event.currentTarget.value))}>
          {known.map((code) => (
            <option key={code} value={code}>
              {catalogue.get(code)?.name ?? code}
            </option>
          ))}
        </select>
      </label>
      {problem && <Trouble problem={problem} />}
      {value && <TotalsView totals={value} />}
    </>
  )
}
