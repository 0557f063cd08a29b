// One statement each, as a card: figures, photographs, a note; with its state, its numbers and its proofs.
import { useState } from 'preact/hooks'
import { type Problem, problemOf } from '../../holder/problem'
import { explain } from '../../look/explain'
import { Mark } from '../../look/Mark'
import { Notice, type Tone } from '../../look/Notice'
import { catalogue } from '../../protocol/forms'
import { number, say } from '../../words/words'
import { BrokenRules, FiguresTable } from '../parts/Figures'
import { Photographs } from '../parts/Photographs'
import { Proof, shortId } from '../parts/Proof'
import { Trouble } from '../parts/Trouble'
import { moment } from '../parts/units'
import type { Documents, Note, State, Tally } from '../shapes'
import { type Proven, prove } from './proving'
import { mayAct } from './session'

const TONES: Record<State, Tone> = { 'at-relay': 'plain', 'at-centre': 'good', 'in-conflict': 'bad', refused: 'bad' }

/** Where a statement is. */
export const StateMark = ({ state, isUnderWay = false }: { state: State; isUnderWay?: boolean }) => (
  <Mark tone={TONES[state]}>{say(`state.${isUnderWay && state === 'at-relay' ? 'on-its-way' : state}`)}</Mark>
)

/** `Hasil A`: how people at the table speak of tallies that disagree. */
export const nameOfTally = (tally: Tally, claims: Tally[]): string =>
  say('resolve.tally', { letter: String.fromCharCode(65 + Math.max(0, claims.indexOf(tally))) })

export function TallyCard({ tally, open }: { tally: Tally; open: boolean }) {
  const form = catalogue.get(tally.form)
  return (
    <details class="card" open={open}>
      <summary>
        <strong>{say('station.tally', { revision: tally.revision })}</strong>{' '}
        <StateMark state={tally.state} isUnderWay={tally.under_way} />{' '}
        {tally.flags.length > 0 && <Mark tone="wait">{say('board.flags', { count: tally.flags.length })}</Mark>}
      </summary>
      <Reasons reasons={tally.reasons.filter((reason) => !tally.flags.includes(reason))} />
      <TallyFacts tally={tally} />
      {form && <BrokenRules form={form} figures={tally.figures} />}
      {form ? (
        <FiguresTable form={form} columns={[{ name: say('totals.figure'), figures: tally.figures }]} />
      ) : (
        <p>{say('form-unknown')}</p>
      )}
      <Proofs id={tally.id} />
    </details>
  )
}

export function DocumentsCard({ listing, open }: { listing: Documents; open: boolean }) {
  return (
    <details class="card" open={open}>
      <summary>
        <strong>{say('station.photographs', { revision: listing.revision })}</strong>{' '}
        <StateMark state={listing.state} />
      </summary>
      <Reasons reasons={listing.reasons} />
      <Photographs pages={listing.pages.map((page) => ({ ...page, here: page.state === 'at-relay' }))} />
      <Proofs id={listing.id} />
    </details>
  )
}

export function NoteCard({ note, claims }: { note: Note; claims: Tally[] }) {
  const favoured = claims.find((tally) => tally.id === note.favours)
  return (
    <div class="card note">
      <h3>
        {say('note.title', { when: moment(note.signed_at) })} <StateMark state={note.state} />
      </h3>
      <Reasons reasons={note.reasons} />
      <p>{favoured ? say('note.favours', { tally: nameOfTally(favoured, claims) }) : favoursElse(note)}</p>
      <blockquote>{note.text}</blockquote>
      <Proofs id={note.id} />
    </div>
  )
}

const favoursElse = ({ favours }: Note): string =>
  favours ? say('note.favours-other', { id: shortId(favours) }) : say('note.favours-none')

/** What the centre says beside its verdict: why something was refused, what it was in doubt of. */
function Reasons({ reasons }: { reasons: string[] }) {
  const told = reasons.filter((code) => code !== 'conflict')
  if (told.length === 0) return null
  return (
    <Notice tone="wait" title={say('station.reasons')}>
      <ul>
        {told.map((code) => (
          <li key={code}>{explain(code)}</li>
        ))}
      </ul>
    </Notice>
  )
}

/** When it was signed, and the relay's promise for it. */
export function TallyFacts({ tally }: { tally: Tally }) {
  return (
    <dl class="facts">
      <dt>{say('station.id')}</dt>
      <dd>{shortId(tally.id)}</dd>
      <dt>{say('station.signed')}</dt>
      <dd>{moment(tally.signed_at)}</dd>
      <dt>{say('station.slip')}</dt>
      <dd>{say('station.slip-number', { number: number(tally.number), when: moment(tally.held_at) })}</dd>
      {tally.origin && (
        <>
          <dt>{say('station.origin')}</dt>
          <dd>{tally.origin}</dd>
        </>
      )}
    </dl>
  )
}

/** The signed bytes; and, for who has a pinned root in this browser, whether slip and receipt hold. */
function Proofs({ id }: { id: string }) {
  const [proven, setProven] = useState<Proven | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const check = (): void => {
    setProblem(null)
    prove(id).then(setProven, (error: unknown) => setProblem(problemOf(error)))
  }
  return (
    <>
      <Proof id={id}>
        {mayAct() && (
          <button type="button" onClick={check}>
            {say('proof.check')}
          </button>
        )}
      </Proof>
      {problem && <Trouble problem={problem} />}
      {proven && !problem && <Verdict proven={proven} />}
    </>
  )
}

const Verdict = ({ proven: { slip, receipt } }: { proven: Proven }) => (
  <Notice tone="good" live="status">
    <p>{say('proof.slip-holds', { number: number(slip.number), relay: slip.relay, when: moment(slip.heldAt) })}</p>
    <p>{receipt ? say('proof.receipt-holds', { when: moment(receipt.issuedAt) }) : say('proof.no-receipt')}</p>
  </Notice>
)
