// One station at the centre: every statement side by side, figures, photographs, and the proofs to take away.
import { catalogue } from '../../protocol/forms'
import { say } from '../../words/words'
import { BrokenRules, type Column, FiguresTable } from '../parts/Figures'
import { Photographs } from '../parts/Photographs'
import { Trouble } from '../parts/Trouble'
import { moment, stationName } from '../parts/units'
import { Trail } from './RegionScreen'
import { useAnswer } from './useAnswer'

interface Recorded {
  id: string
  state: string
  kind: 'tally' | 'documents' | 'note'
  form: number
  revision: number
  signed_at: number
  received_at: number
  sender: string
  notes: string[]
  figures: Record<string, number | null> | null
  receipt: string | null
  documents: { page: number; document: string; size_bytes: number; held: boolean }[]
  about?: string[]
  favours?: string | null
  text?: string
}

export function StationScreen({ tps }: { tps: string }) {
  const { value, problem } = useAnswer<{ statements: Recorded[] }>(`/v1/tps/${encodeURIComponent(tps)}`)
  const forms = [...new Set(value?.statements.map((statement) => statement.form) ?? [])]
  return (
    <>
      <Trail scope={tps} />
      <p class="soft">
        {stationName(tps)} · {tps}
      </p>
      {problem && <Trouble problem={problem} />}
      {value?.statements.length === 0 && <p class="notice wait">{say('station.no-tally')}</p>}
      {forms.map((form) => (
        <FormSection key={form} code={form} statements={value?.statements.filter((item) => item.form === form) ?? []} />
      ))}
    </>
  )
}

function FormSection({ code, statements }: { code: number; statements: Recorded[] }) {
  const form = catalogue.get(code)
  const tallies = statements.filter((item) => item.kind === 'tally' && item.figures)
  const columns: Column[] = tallies.map((item) => ({
    name: `${item.id.slice(0, 8)} · ${say('board.revision', { revision: item.revision })}`,
    figures: form?.fields.map((field) => item.figures?.[field.id] ?? null) ?? []
  }))
  return (
    <section>
      <h2>{form?.name ?? say('form-unknown')}</h2>
      {statements.map((item) => (
        <StatementCard key={item.id} item={item} />
      ))}
      {form && columns.map((column) => <BrokenRules key={column.name} form={form} figures={column.figures} />)}
      {form && columns.length > 0 && <FiguresTable form={form} columns={columns} />}
    </section>
  )
}

function StatementCard({ item }: { item: Recorded }) {
  const pages = item.documents.map((page) => ({ ...page, here: page.held, state: page.held ? 'at-relay' : 'awaited' }))
  return (
    <div class="card">
      <h3>
        {say(`kind.${item.kind}`)} {say('board.revision', { revision: item.revision })}{' '}
        <span class={`tag ${item.state}`}>{say(`state.${item.state}`)}</span>
      </h3>
      <p class="soft">
        {item.id.slice(0, 8)} ·{' '}
        {say('centre.signed-received', { signed: moment(item.signed_at), received: moment(item.received_at) })} ·{' '}
        {item.sender}
      </p>
      {item.text && <blockquote>{item.text}</blockquote>}
      {item.favours && <p>{say('note.favours', { id: item.favours.slice(0, 8) })}</p>}
      {pages.length > 0 && <Photographs pages={pages} />}
      <p class="no-print">
        <a class="button" href={`/v1/statements/${item.id}/cose`} download={`${item.id.slice(0, 8)}.cose`}>
          {say('station.proof')}
        </a>
      </p>
    </div>
  )
}
