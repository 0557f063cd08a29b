// The running totals of a region, form by form, as the centre has recorded them; unofficial like any sum before the count.
import { at, route } from '../../look/route'
import { catalogue } from '../../protocol/forms'
import { FormChoice, TotalsDownloads, TotalsView } from '../parts/TotalsView'
import { Trouble } from '../parts/Trouble'
import { useAnswer } from '../parts/useAnswer'
import type { Totals } from '../shapes'
import { changes } from './live'
import { COUNTRY, Trail } from './Trail'

/** `scope` is empty for the whole country. */
export function TotalsScreen({ scope, forms }: { scope: string; forms: number[] }) {
  const known = forms.length > 0 ? forms : [...catalogue.keys()]
  const form = Number(route.value[2] ?? known[0] ?? 0)
  const query = `form=${form}&scope=${scope}`
  const { value, problem } = useAnswer<Totals>(`/v1/totals?${query}`, changes.value)
  return (
    <>
      <Trail scope={scope} place="totals" />
      <FormChoice forms={known} chosen={form} addressOf={(code) => at('totals', scope || COUNTRY, code)} />
      {problem && <Trouble problem={problem} />}
      {value && <TotalsView totals={value} />}
      <TotalsDownloads query={query} name={`${scope || COUNTRY}-${form}`} />
    </>
  )
}
