// All that is known of one station: every revision, its figures and flags, its photographs, and the proofs.
import { at } from '../../look/route'
import { catalogue } from '../../protocol/forms'
import { say } from '../../words/words'
import { board, stations } from '../live'
import { BrokenRules, FiguresTable } from '../parts/Figures'
import { Photographs } from '../parts/Photographs'
import { moment } from '../parts/units'
import type { Documents, Note, Station, Tally } from '../shapes'
import { isResolved, villageOf } from '../standing'

export function StationScreen({ tps }: { tps: string }) {
  const station = stations.get(tps)?.value
  if (!station) return <p class="notice wait">{say('station.unknown')}</p>
  const forms = [...new Set([...(board.value?.forms ?? []), ...station.tallies.map((tally) => tally.form)])]
  return (
    <>
      <p class="soft">
        {board.value && villageOf(board.value, tps)} · {tps}
        {station.last_contact && ` · ${say('station.last-contact', { when: moment(station.last_contact) })}`}
      </p>
      {forms.map((form) => (
        <FormSection key={form} station={station} code={form} />
      ))}
      <p>
        <a class="button" href={at()}>
          {say('station.back')}
        </a>
      </p>
    </>
  )
}

function FormSection({ station, code }: { station: Station; code: number }) {
  const tallies = station.tallies.filter((tally) => tally.form === code)
  const listings = station.documents.filter((listing) => listing.form === code)
  const notes = station.notes.filter((note) => note.form === code)
  return (
    <section>
      <h2>{catalogue.get(code)?.name ?? say('form-unknown')}</h2>
      {station.conflicts.includes(code) && (
        <div class={`notice ${isResolved(station, code) ? 'wait' : 'bad'}`}>
          <p>{say(isResolved(station, code) ? 'station.conflict-noted' : 'station.conflict')}</p>
          <a class="button main" href={at('tps', station.tps, code)}>
            {say('station.compare')}
          </a>
        </div>
      )}
      {notes.map((note) => (
        <NoteCard key={note.id} note={note} tallies={tallies} />
      ))}
      {tallies.length === 0 && <p class="notice wait">{say('station.no-tally')}</p>}
      {tallies.map((tally, index) => (
        <TallyCard key={tally.id} tally={tally} open={index === 0} />
      ))}
      {listings.length === 0 && <p class="notice wait">{say('station.no-photographs')}</p>}
      {listings.map((listing) => (
        <DocumentsCard key={listing.id} listing={listing} />
      ))}
    </section>
  )
}

/** The name by which people speak of a statement: the first digits of its id. */
export const shortId = (id: string): string => id.slice(0, 8)

function TallyCard({ tally, open }: { tally: Tally; open: boolean }) {
  const form = catalogue.get(tally.form)
  return (
    <details class="card" open={open}>
      <summary>
        <strong>{say('station.tally', { revision: tally.revision })}</strong> {say(`state.${tally.state}`)}
        {tally.flags.length > 0 && ` · ${say('board.flags', { count: tally.flags.length })}`}
      </summary>
      <Facts
        id={tally.id}
        signedAt={tally.signed_at}
        heldAt={tally.held_at}
        number={tally.number}
        origin={tally.origin}
      />
      {form && <BrokenRules form={form} figures={tally.figures} />}
      {form ? (
        <FiguresTable form={form} columns={[{ name: say('totals.figure'), figures: tally.figures }]} />
      ) : (
        <p>{say('form-unknown')}</p>
      )}
      <Proof id={tally.id} />
    </details>
  )
}

function DocumentsCard({ listing }: { listing: Documents }) {
  return (
    <details class="card" open>
      <summary>
        <strong>{say('station.photographs', { revision: listing.revision })}</strong> {say(`state.${listing.state}`)}
      </summary>
      <Photographs pages={listing.pages.map((page) => ({ ...page, here: page.state === 'at-relay' }))} />
      <Proof id={listing.id} />
    </details>
  )
}

export function NoteCard({ note, tallies }: { note: Note; tallies: Tally[] }) {
  const favoured = tallies.find((tally) => tally.id === note.favours)
  return (
    <div class="card note">
      <h3>
        {say('note.title', { when: moment(note.signed_at) })} <span class="tag">{say(`state.${note.state}`)}</span>
      </h3>
      <p>{favoured ? say('note.favours', { id: shortId(favoured.id) }) : say('note.favours-none')}</p>
      <blockquote>{note.text}</blockquote>
      <Proof id={note.id} />
    </div>
  )
}

interface FactsProps {
  id: string
  signedAt: number
  heldAt: number
  number: number
  origin: string | null
}

function Facts({ id, signedAt, heldAt, number, origin }: FactsProps) {
  return (
    <dl class="facts">
      <dt>{say('station.id')}</dt>
      <dd>{shortId(id)}</dd>
      <dt>{say('station.signed')}</dt>
      <dd>{moment(signedAt)}</dd>
      <dt>{say('station.slip')}</dt>
      <dd>{say('station.slip-number', { number, when: moment(heldAt) })}</dd>
      {origin && (
        <>
          <dt>{say('station.origin')}</dt>
          <dd>{origin}</dd>
        </>
      )}
    </dl>
  )
}

const Proof = ({ id }: { id: string }) => (
  <p class="no-print">
    <a class="button" href={`/v1/statements/${id}/cose`} download={`${shortId(id)}.cose`}>
      {say('station.proof')}
    </a>
  </p>
)
