// All that is known of one station: every revision, its figures and flags, its photographs, and the proofs.
import { Notice } from '../../look/Notice'
import { at } from '../../look/route'
import { catalogue } from '../../protocol/forms'
import { say } from '../../words/words'
import { board, stations } from '../live'
import { moment } from '../parts/units'
import type { Station } from '../shapes'
import { claimsOf, isResolved, villageOf } from '../standing'
import { DocumentsCard, NoteCard, TallyCard } from './cards'

export function StationScreen({ tps }: { tps: string }) {
  const station = stations.get(tps)?.station.value
  if (!station) return <Notice tone="wait">{say('station.unknown')}</Notice>
  return (
    <>
      <p class="soft">
        {board.value && villageOf(board.value, tps)} · {tps} ·{' '}
        {station.last_contact
          ? say('station.last-contact', { when: moment(station.last_contact) })
          : say('board.no-contact')}
        {!station.listed && ` · ${say('board.unlisted')}`}
      </p>
      {formsOf(station).map((form) => (
        <FormSection key={form} station={station} code={form} />
      ))}
      <p class="no-print">
        <a class="button" href={at()}>
          {say('station.back')}
        </a>
      </p>
    </>
  )
}

/** The forms that are expected, and those that came all the same. */
function formsOf(station: Station): number[] {
  const came = [...station.tallies, ...station.documents, ...station.notes].map((statement) => statement.form)
  return [...new Set([...(board.value?.forms ?? []), ...came])]
}

function FormSection({ station, code }: { station: Station; code: number }) {
  const tallies = station.tallies.filter((tally) => tally.form === code)
  const listings = station.documents.filter((listing) => listing.form === code)
  const notes = station.notes.filter((note) => note.form === code)
  return (
    <section>
      <h2>{catalogue.get(code)?.name ?? say('form-unknown')}</h2>
      {station.conflicts.includes(code) && <Conflict station={station} code={code} />}
      {notes.map((note) => (
        <NoteCard key={note.id} note={note} claims={claimsOf(station, code)} />
      ))}
      {tallies.length === 0 && <Notice tone="wait">{say('station.no-tally')}</Notice>}
      {tallies.map((tally, index) => (
        <TallyCard key={tally.id} tally={tally} open={index === 0} />
      ))}
      {listings.length === 0 && <Notice tone="wait">{say('station.no-photographs')}</Notice>}
      {listings.map((listing, index) => (
        <DocumentsCard key={listing.id} listing={listing} open={index === 0} />
      ))}
    </section>
  )
}

function Conflict({ station, code }: { station: Station; code: number }) {
  const resolved = isResolved(station, code)
  return (
    <Notice tone={resolved ? 'wait' : 'bad'}>
      <p>{say(resolved ? 'station.conflict-noted' : 'station.conflict')}</p>
      <a class="button main" href={at('tps', station.tps, code)}>
        {say('station.compare')}
      </a>
    </Notice>
  )
}
