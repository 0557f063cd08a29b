// The kecamatan's running totals, so that nobody has to telephone when the centre is down.
import { Notice } from '../../look/Notice'
import { at, route } from '../../look/route'
import { say } from '../../words/words'
import { board, changes } from '../live'
import { FormChoice, TotalsDownloads, TotalsView } from '../parts/TotalsView'
import { Trouble } from '../parts/Trouble'
import { useAnswer } from '../parts/useAnswer'
import type { Totals } from '../shapes'

export function TotalsScreen({ scope }: { scope: string }) {
  const forms = board.value?.forms ?? []
  const form = Number(route.value[1] ?? forms[0] ?? 0)
  const { value, problem } = useAnswer<Totals>(`/v1/totals?form=${form}&scope=${scope}`, changes.value)
  if (forms.length === 0) return <Notice tone="wait">{say('totals.no-forms')}</Notice>
  return (
    <>
      <FormChoice forms={forms} chosen={form} addressOf={(code) => at('totals', code)} />
      {problem && <Trouble problem={problem} />}
      {value && <TotalsView totals={value} />}
      <TotalsDownloads query={`form=${form}`} name={`${scope}-${form}`} />
    </>
  )
}
