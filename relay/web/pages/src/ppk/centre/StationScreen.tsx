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
        <StatementCard key={item.id} item={item} rivals={newest ?? []} />
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

/** `Hasil A`, where several disagree: how people speak of them, as at the relay. */
const letterOf = (id: string, tallies: Recorded[]): string | null => {
  const at = tallies.findIndex((item) => item.id === id)
  return tallies.length > 1 && at >= 0 ? say('resolve.tally', { letter: String.fromCharCode(65 + at) }) : null
}

/** The tallies of one revision: one, or those that disagree. */
function Tallies({ form, tallies }: { form: Form; tallies: Recorded[] }) {
  const columns = tallies.map((item) => ({
    name: letterOf(item.id, tallies) ?? say('totals.figure'),
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

function favoursOf({ favours }: Recorded, rivals: Recorded[]): string {
  if (!favours) return say('note.favours-none')
  const tally = letterOf(favours, rivals)
  return tally ? say('note.favours', { tally }) : say('note.favours-other', { id: shortId(favours) })
}

const TONES = { 'at-centre': 'good', 'in-conflict': 'bad', refused: 'bad' } as const

/** `rivals`: the tallies of the newest revision, of which a note speaks. */
function StatementCard({ item, rivals }: { item: Recorded; rivals: Recorded[] }) {
  const pages = item.documents.map((page) => ({ ...page, here: page.held, state: page.held ? 'at-relay' : 'awaited' }))
  return (
    <div class="card">
      <h3>
        {letterOf(item.id, rivals) ?? say(`kind.${item.kind}`)} {say('board.revision', { revision: item.revision })}{' '}
        <Mark tone={TONES[item.state as keyof typeof TONES] ?? 'plain'}>{say(`state.${item.state}`)}</Mark>
      </h3>
      <p class="soft">
        {shortId(item.id)} ·{' '}
        {say('centre.signed-received', { signed: moment(item.signed_at), received: moment(item.received_at) })} ·{' '}
        {item.sender}
      </p>
      {item.text && <blockquote>{item.text}</blockquote>}
      {item.kind === 'note' && <p>{favoursOf(item, rivals)}</p>}
      {pages.length > 0 && <Photographs pages={pages} />}
      <Proof id={item.id} receipt={item.receipt} />
    </div>
  )
}
