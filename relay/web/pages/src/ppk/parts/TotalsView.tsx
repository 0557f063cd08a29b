// The running totals of one form in one region: how much of it they cover, a chart, the whole table. Unofficial.
import { Notice } from '../../look/Notice'
import { catalogue, type Form } from '../../protocol/forms'
import type { Field } from '../../protocol/sections'
import { language, number, say } from '../../words/words'
import type { Totals } from '../shapes'
import { coverage } from './units'

export function TotalsView({ totals }: { totals: Totals }) {
  const form = catalogue.get(totals.form)
  if (!form) return <Notice tone="wait">{say('form-unknown')}</Notice>
  return (
    <>
      <p class="unofficial">{say('totals.unofficial')}</p>
      <p class="headline">
        {coverage(totals.with_tally, totals.tps)}
        {totals.flagged > 0 && `, ${say('totals.flagged', { count: number(totals.flagged) })}`}
        {totals.in_conflict > 0 && `, ${say('totals.in-conflict', { count: number(totals.in_conflict) })}`}
      </p>
      {totals.resolved_by_note > 0 && (
        <p class="soft">{say('totals.by-note', { count: number(totals.resolved_by_note) })}</p>
      )}
      <Chart form={form} totals={totals} />
      <Table form={form} totals={totals} />
    </>
  )
}

interface ChoiceProps {
  forms: number[]
  chosen: number
  addressOf: (form: number) => string
}

/** Which form; nothing where there is but one. */
export function FormChoice({ forms, chosen, addressOf }: ChoiceProps) {
  if (forms.length < 2) return null
  return (
    <nav class="filters no-print" aria-label={say('totals.forms')}>
      {forms.map((code) => (
        <a key={code} class="button" href={addressOf(code)} aria-current={code === chosen ? 'page' : undefined}>
          {catalogue.get(code)?.name ?? code}
        </a>
      ))}
    </nav>
  )
}

/** To print, and as sheets. */
export const TotalsDownloads = ({ query, name }: { query: string; name: string }) => (
  <p class="downloads no-print">
    <button type="button" onClick={() => window.print()}>
      {say('totals.print')}
    </button>
    {(['xlsx', 'csv'] as const).map((kind) => (
      <a key={kind} class="button" href={`/v1/sheets/totals.${kind}?${query}`} download={`totals-${name}.${kind}`}>
        {say(`board.download-${kind}`)}
      </a>
    ))}
  </p>
)

/** What people stand for: pairs and candidates; of parties their totals. */
function choicesOf(form: Form): Field[] {
  const positions = form.sections.flatMap((section) => {
    if (section.kind === 'choices') return section.fields
    return (section.parties ?? []).flatMap((party) => party.fields.slice(-1)) // a party's total is its last figure
  })
  return positions.flatMap((position) => form.fields[position] ?? [])
}

function Chart({ form, totals }: { form: Form; totals: Totals }) {
  const bars = choicesOf(form).map((field) => ({ field, votes: totals.figures[field.position] ?? 0 }))
  const most = Math.max(1, ...bars.map((bar) => bar.votes))
  const all = bars.reduce((sum, bar) => sum + bar.votes, 0)
  return (
    <figure class="chart">
      <figcaption class="visually-hidden">{say('totals.chart')}</figcaption>
      {bars.map(({ field, votes }) => (
        <div key={field.id} class="bar">
          <span class="label">{labelOf(field)}</span>
          <meter min={0} max={most} value={votes} aria-label={`${labelOf(field)}: ${number(votes)}`} />
          <span class="value">
            {number(votes)} <span class="soft">{all ? `${number(Math.round((votes / all) * 1000) / 10)} %` : ''}</span>
          </span>
        </div>
      ))}
    </figure>
  )
}

function Table({ form, totals }: { form: Form; totals: Totals }) {
  return (
    <table class="totals">
      <caption>{language.value === 'id' ? form.title : form.titleEn}</caption>
      <thead>
        <tr>
          <th scope="col">{say('totals.paper')}</th>
          <th scope="col">{say('totals.field')}</th>
          <th scope="col" class="figure">
            {say('totals.sum')}
          </th>
          <th scope="col" class="figure">
            {say('totals.blank')}
          </th>
        </tr>
      </thead>
      <tbody>
        {form.fields.map((field) => (
          <tr key={field.id}>
            <td>{field.paper}</td>
            <th scope="row">{labelOf(field)}</th>
            <td class="figure">{number(totals.figures[field.position] ?? 0)}</td>
            <td class="figure">{totals.blank[field.position] ? number(totals.blank[field.position] ?? 0) : ''}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

const labelOf = (field: Field): string => (language.value === 'id' ? field.label : field.labelEn)
