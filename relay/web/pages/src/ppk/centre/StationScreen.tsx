// One station at the centre: what is recorded of it, side by side where it disagrees, with photographs and proofs.
import { Mark } from '../../look/Mark'
import { Notice } from '../../look/Notice'
import { catalogue, type Form } from '../../protocol/forms'
import { say } from '../../words/words'
import { BrokenRules, FiguresTable } from '../parts/Figures'
import { Photographs } from '../parts/Photographs'
import { Proof, shortId } from '../parts/Proof'
import { Trouble } from '../parts/Trouble'
import { moment } from '../parts/units'
import { useAnswer } from '../parts/useAnswer'
import { changes } from './live'
import { byRevision, type Recorded } from './recorded'
import { Trail } from './Trail'

export function StationScreen({ tps }: { tps: string }) {
  const path = `/v1/tps/${encodeURIComponent(tps)}`
  const { value, problem } = useAnswer<{ statements: Recorded[] }>(path, changes.value)
  const forms = [...new Set(value?.statements.map((statement) => statement.form) ?? [])]
  return (
    <>
      <Trail scope={tps} />
      <p class="soft">{tps}</p>
      {problem && <Trouble problem={problem} />}
      {value?.statements.length === 0 && <Notice tone="wait">{say('station.no-tally')}</Notice>}
      {forms.map((form) => (
        <FormSection key={form} code={form} statements={value?.statements.filter((item) => item.form === form) ?? []} />
      ))}
    </>
  )
}

function FormSection({ code, statements }: { code: number; statements: Recorded[] }) {
  const form = catalogue.get(code)
  const [newest, ...older] = byRevision(statements.filter((item) => item.kind === 'tally' && item.figures))
  return (
    <section>
      <h2>{form?.name ?? say('form-unknown')}</h2>
      {form && newest && <Tallies form={form} tallies={newest} />}
      {statements.toReversed().map((item) => (
        <StatementCard key={item.id} item={item} />
      ))}
      {form && older.length > 0 && (
        <details class="card">
          <summary>{say('centre.older')}</summary>
          {older.map((tallies) => (
            <Tallies key={tallies[0]?.id} form={form} tallies={tallies} />
          ))}
        </details>
      )}
    </section>
  )
}

/** The tallies of one revision: one, or those that disagree. */
function Tallies({ form, tallies }: { form: Form; tallies: Recorded[] }) {
  const columns = tallies.map((item) => ({
    name: tallies.length > 1 ? shortId(item.id) : say('totals.figure'),
    figures: form.fields.map((field) => item.figures?.[field.id] ?? null)
  }))
  return (
    <>
      <h3>{say('station.tally', { revision: tallies[0]?.revision ?? 1 })}</h3>
      {columns.map((column) => (
        <BrokenRules key={column.name} form={form} figures={column.figures} />
      ))}
      <FiguresTable form={form} columns={columns} />
    </>
  )
}

const TONES = { 'at-centre': 'good', 'in-conflict': 'bad', refused: 'bad' } as const

function StatementCard({ item }: { item: Recorded }) {
  const pages = item.documents.map((page) => ({ ...page, here: page.held, state: page.held ? 'at-relay' : 'awaited' }))
  return (
    <div class="card">
      <h3>
        {say(`kind.${item.kind}`)} {say('board.revision', { revision: item.revision })}{' '}
        <Mark tone={TONES[item.state as keyof typeof TONES] ?? 'plain'}>{say(`state.${item.state}`)}</Mark>
      </h3>
      <p class="soft">
        {shortId(item.id)} ·{' '}
        {say('centre.signed-received', { signed: moment(item.signed_at), received: moment(item.received_at) })} ·{' '}
        {item.sender}
      </p>
      {item.text && <blockquote>{item.text}</blockquote>}
      {item.kind === 'note' && (
        <p>{item.favours ? say('note.favours-other', { id: shortId(item.favours) }) : say('note.favours-none')}</p>
      )}
      {pages.length > 0 && <Photographs pages={pages} />}
      <Proof id={item.id} receipt={item.receipt} />
    </div>
  )
}
