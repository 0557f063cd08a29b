// One station on the board: how it stands, where its figures and photographs are, form by form.
import { memo } from 'preact/compat'
import { Mark } from '../../look/Mark'
import type { Tone } from '../../look/Notice'
import { at } from '../../look/route'
import { catalogue } from '../../protocol/forms'
import { say } from '../../words/words'
import { type Entry, pagesOfForm } from '../live'
import { moment, stationName } from '../parts/units'
import type { Station } from '../shapes'
import { newestDocuments, newestTally, pagesOf, type Standing } from '../standing'

const TONES: Record<Standing, Tone> = {
  conflict: 'bad',
  missing: 'wait',
  refused: 'bad',
  pages: 'wait',
  flagged: 'wait',
  waiting: 'plain',
  done: 'good'
}

/** It alone is drawn anew when its station changes. */
export const Row = memo(function Row({ entry, forms }: { entry: Entry; forms: number[] }) {
  const station = entry.station.value
  const standing = entry.standing.value
  return (
    <a class={`station ${TONES[standing]}`} href={at('tps', station.tps)}>
      <span class="name">{stationName(station.tps)}</span>
      <Mark tone={TONES[standing]}>{say(`standing.${standing}`)}</Mark>
      <span class="soft contact">{station.last_contact ? moment(station.last_contact) : say('board.no-contact')}</span>
      {!station.listed && <span class="line">{say('board.unlisted')}</span>}
      {forms.map((form) => (
        <FormLine key={form} station={station} form={form} isOne={forms.length === 1} />
      ))}
    </a>
  )
})

function FormLine({ station, form, isOne }: { station: Station; form: number; isOne: boolean }) {
  const tally = newestTally(station, form)
  const listing = newestDocuments(station, form)
  const { held, of } = pagesOf(station, form, pagesOfForm(form))
  const name = catalogue.get(form)?.name.replace('C.HASIL-', '') ?? String(form)
  return (
    <span class="line">
      {!isOne && <strong>{name}: </strong>}
      {tally ? say('board.tally', { where: where(tally.state, tally.under_way) }) : say('board.no-tally')}
      {tally && tally.revision > 1 && `, ${say('board.revision', { revision: tally.revision })}`}
      {tally && tally.flags.length > 0 && `, ${say('board.flags', { count: tally.flags.length })}`} ·{' '}
      {say('board.pages', { held, of })}
      {listing && held > 0 && `, ${where(listing.state)}`}
    </span>
  )
}

const where = (state: string, isUnderWay = false): string =>
  say(`state.${isUnderWay && state === 'at-relay' ? 'on-its-way' : state}`).toLowerCase()
