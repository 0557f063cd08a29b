// Every TPS of the kecamatan by village, what is missing first; as long as a kecamatan has stations.
import { computed, effect, signal } from '@preact/signals'
import { memo } from 'preact/compat'
import { Notice } from '../../look/Notice'
import { route } from '../../look/route'
import { catalogue } from '../../protocol/forms'
import { number, say } from '../../words/words'
import { board, changes, chosenForm, shownForms, stations } from '../live'
import { useGradually } from '../parts/useGradually'
import { count, matches, STANDINGS, type Standing, villageOf } from '../standing'
import { Row } from './Row'

const words = signal('')
const filter = signal<Standing | 'all'>('all')

/** TPS code -> how it stands. Each is computed again only if its station has changed. */
const standings = computed(() => {
  void changes.value
  void shownForms.value
  return new Map([...stations].map(([tps, entry]) => [tps, entry.standing.peek()]))
})

/** What is shown: the villages with the worst stations first, and so the stations in each; otherwise by their codes. */
const groups = computed(() => {
  const shown = board.value
  if (!shown) return []
  const names = new Map<string, string>()
  const found = new Map<string, string[]>()
  for (const [tps, standing] of standings.value) {
    if (filter.value !== 'all' && standing !== filter.value) continue
    const village = tps.slice(0, 10)
    const name = names.get(village) ?? villageOf(shown, tps)
    names.set(village, name)
    if (!matches(words.value, tps, name)) continue
    const group = found.get(village)
    if (group) group.push(tps)
    else found.set(village, [tps])
  }
  const rank = (tps: string): number => STANDINGS.indexOf(standings.value.get(tps) ?? 'done')
  return [...found]
    .map(([village, members]) => ({
      village,
      name: names.get(village) ?? village,
      members: members.sort((one, other) => rank(one) - rank(other) || compare(one, other))
    }))
    .sort(
      (one, other) => rank(one.members[0] ?? '') - rank(other.members[0] ?? '') || compare(one.village, other.village)
    )
})

const compare = (one: string, other: string): number => (one < other ? -1 : Number(one > other))

export function BoardScreen() {
  const told = count(standings.value.values())
  const total = standings.value.size
  if (total === 0) return <Notice tone="wait">{say('board.empty')}</Notice>
  const found = groups.value.reduce((sum, group) => sum + group.members.length, 0)
  return (
    <>
      <p class="headline">{headline(total)}</p>
      {!board.value?.listed && <Notice tone="wait">{say('board.no-list')}</Notice>}
      <fieldset class="filters">
        <legend class="visually-hidden">{say('board.filter')}</legend>
        <Filter name="all" many={total} />
        {STANDINGS.map((standing) => (
          <Filter key={standing} name={standing} many={told[standing]} />
        ))}
      </fieldset>
      <FormFilter />
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
      <p class="visually-hidden" role="status">
        {say('board.shown', { count: number(found) })}
      </p>
      {found === 0 && <Notice>{say('board.nothing-found')}</Notice>}
      <Villages />
      <Downloads />
    </>
  )
}

/** `14 dari 16 TPS sudah menyerahkan hasil`; without a list of TPS nobody knows of how many. */
function headline(total: number): string {
  const done = [...stations.values()].filter((entry) => entry.isIn.peek()).length
  const which = shownForms.value.length > 1 ? 'all-forms' : 'one-form'
  return board.value?.listed
    ? say(`board.headline.${which}`, { done: number(done), total: number(total) })
    : say(`board.headline-unlisted.${which}`, { done: number(done) })
}

/** One form at a time, where there are several. */
function FormFilter() {
  const forms = board.value?.forms ?? []
  if (forms.length < 2) return null
  return (
    <label class="search">
      <span>{say('totals.forms')}</span>
      <select
        value={chosenForm.value ?? ''}
        onChange={(event) => {
          chosenForm.value = Number(event.currentTarget.value) || null
        }}
      >
        <option value="">{say('board.all-forms')}</option>
        {forms.map((form) => (
          <option key={form} value={form}>
            {catalogue.get(form)?.name ?? form}
          </option>
        ))}
      </select>
    </label>
  )
}

function Filter({ name, many }: { name: Standing | 'all'; many: number }) {
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
      <span class="many">{number(many)}</span> {say(`standing.${name}`)}
    </button>
  )
}

/** The station that was looked at last: who comes back finds it where it was. */
let opened = ''
effect(() => {
  const [place, tps] = route.value
  if (place === 'tps' && tps) opened = tps
})

function Villages() {
  const starts = startsOf(groups.value)
  const before = groups.value.findIndex((group) => group.members.includes(opened))
  const drawn = useGradually(starts.at(-1) ?? 0, before < 0 ? 0 : starts[before + 1])
  return (
    <>
      {groups.value.map(
        ({ village, name, members }, at) =>
          (starts[at] ?? 0) < drawn && <Village key={village} name={name} members={members} />
      )}
    </>
  )
}

/** How many stations stand before each group, and at the end how many there are. */
function startsOf(all: readonly { members: string[] }[]): number[] {
  const starts = [0]
  for (const { members } of all) starts.push((starts.at(-1) ?? 0) + members.length)
  return starts
}

interface VillageProps {
  name: string
  members: string[]
}

/** Drawn anew only if other stations are in it, or in another order. */
const Village = memo(
  function Village({ name, members }: VillageProps) {
    const forms = shownForms.value
    return (
      <section class="village" aria-label={name}>
        <h2>
          {name} <span class="soft">{say('board.stations', { count: members.length })}</span>
        </h2>
        <div class="rows">
          {members.map((tps) => {
            const entry = stations.get(tps)
            return entry && <Row key={tps} entry={entry} forms={forms} />
          })}
        </div>
      </section>
    )
  },
  (one, other) => one.name === other.name && one.members.join() === other.members.join()
)

const Downloads = () => (
  <p class="downloads no-print">
    {(['pdf', 'xlsx', 'csv'] as const).map((kind) => (
      <a key={kind} class="button" href={`/v1/sheets/stations.${kind}`} download={`stations.${kind}`}>
        {say(`board.download-${kind}`)}
      </a>
    ))}
    <button type="button" onClick={() => window.print()}>
      {say('totals.print')}
    </button>
  </p>
)
