// Every TPS of the kecamatan by village, what is missing first; as long as a kecamatan has stations.
import { computed, type Signal, signal } from '@preact/signals'
import { memo } from 'preact/compat'
import { at } from '../../look/route'
import { catalogue } from '../../protocol/forms'
import { say } from '../../words/words'
import { board, changes, stations } from '../live'
import { moment, stationName } from '../parts/units'
import type { Station } from '../shapes'
import {
  count,
  matches,
  newestTally,
  pagesOf,
  STANDINGS,
  type Standing,
  standingOf,
  villageOf,
  worstOf
} from '../standing'

const words = signal('')
const filter = signal<Standing | 'all'>('all')

const pagesOfForm = (form: number): number => catalogue.get(form)?.pages ?? 0

/** TPS code -> how it stands; computed over all stations whenever one changes. */
const standings = computed(() => {
  void changes.value
  const forms = board.value?.forms ?? []
  return new Map([...stations].map(([tps, station]) => [tps, worstOf(station.peek(), forms, pagesOfForm)]))
})

/** What is shown: villages in order of their code, those where all is done last; in each the worst stations first. */
const groups = computed(() => {
  const shown = board.value
  if (!shown) return []
  const found = new Map<string, string[]>()
  for (const [tps, standing] of standings.value) {
    if (filter.value !== 'all' && standing !== filter.value) continue
    if (!matches(words.value, tps, villageOf(shown, tps))) continue
    const village = tps.slice(0, 10)
    const group = found.get(village)
    if (group) group.push(tps)
    else found.set(village, [tps])
  }
  const rank = (tps: string): number => STANDINGS.indexOf(standings.value.get(tps) ?? 'done')
  return [...found]
    .sort(([one, some], [other, others]) => Number(isDone(some)) - Number(isDone(others)) || one.localeCompare(other))
    .map(([village, members]) => ({
      village,
      name: villageOf(shown, members[0] ?? village),
      members: members.sort((one, other) => rank(one) - rank(other) || one.localeCompare(other))
    }))
})

const isDone = (members: string[]): boolean => members.every((tps) => standings.value.get(tps) === 'done')

export function BoardScreen() {
  const told = count(standings.value.values())
  const total = standings.value.size
  if (total === 0) return <p class="notice wait">{say('board.empty')}</p>
  return (
    <>
      <p class="headline">{say('board.headline', { done: total - told.missing, total })}</p>
      <fieldset class="filters">
        <legend class="visually-hidden">{say('board.filter')}</legend>
        <Filter name="all" count={total} />
        {STANDINGS.map((standing) => (
          <Filter key={standing} name={standing} count={told[standing]} />
        ))}
      </fieldset>
      <label class="search">
        <span>{say('board.search')}</span>
        <input
          type="search"
          value={words.value}
          onInput={(event) => {
            words.value = event.currentTarget.value
          }}
        />
      </label>
      {groups.value.length === 0 && <p class="notice">{say('board.nothing-found')}</p>}
      {groups.value.map((group) => (
        <VillageTable key={group.village} name={group.name} members={group.members} />
      ))}
      <Downloads />
    </>
  )
}

function Filter({ name, count: many }: { name: Standing | 'all'; count: number }) {
  return (
    <button
      type="button"
      class={`filter ${name}`}
      aria-pressed={filter.value === name}
      disabled={many === 0 && name !== 'all' && filter.value !== name}
      onClick={() => {
        filter.value = name
      }}
    >
      <span class="many">{many}</span> {say(`standing.${name}`)}
    </button>
  )
}

function VillageTable({ name, members }: { name: string; members: string[] }) {
  const forms = board.value?.forms ?? []
  return (
    <section class="village" aria-label={name}>
      <h2>
        {name} <span class="soft">{say('board.stations', { count: members.length })}</span>
      </h2>
      <div class="rows">
        {members.map((tps) => {
          const station = stations.get(tps)
          return station && <Row key={tps} station={station} forms={forms} />
        })}
      </div>
    </section>
  )
}

/** One station; it alone is drawn anew when it changes. */
const Row = memo(function Row({ station, forms }: { station: Signal<Station>; forms: number[] }) {
  const now = station.value
  const standing = worstOf(now, forms, pagesOfForm)
  return (
    <a class={`row ${standing}`} href={at('tps', now.tps)}>
      <span class="name">
        {stationName(now.tps)}
        {!now.listed && <span class="soft"> {say('board.unlisted')}</span>}
      </span>
      <span class="standing">{say(`standing.${standing}`)}</span>
      <span class="forms">
        {forms.map((form) => (
          <FormCell key={form} station={now} form={form} several={forms.length > 1} />
        ))}
      </span>
      <span class="soft contact">{now.last_contact ? moment(now.last_contact) : say('board.no-contact')}</span>
    </a>
  )
})

function FormCell({ station, form, several }: { station: Station; form: number; several: boolean }) {
  const tally = newestTally(station, form)
  const { held, of } = pagesOf(station, form, pagesOfForm(form))
  const standing = standingOf(station, form, pagesOfForm(form))
  const where = tally
    ? say(`state.${tally.under_way && tally.state === 'at-relay' ? 'on-its-way' : tally.state}`)
    : say('board.no-tally')
  return (
    <span class={`form ${standing}`}>
      {several && <strong>{catalogue.get(form)?.name.replace('C.HASIL-', '') ?? form}</strong>}
      <span>{where}</span>
      {tally && tally.revision > 1 && <span>{say('board.revision', { revision: tally.revision })}</span>}
      {tally && tally.flags.length > 0 && <span>{say('board.flags', { count: tally.flags.length })}</span>}
      <span>{say('board.pages', { held, of })}</span>
    </span>
  )
}

function Downloads() {
  return (
    <p class="downloads no-print">
      {(['pdf', 'xlsx', 'csv'] as const).map((kind) => (
        <a key={kind} class="button" href={`/v1/sheets/stations.${kind}`} download={`stations.${kind}`}>
          {say(`board.download-${kind}`)}
        </a>
      ))}
    </p>
  )
}
