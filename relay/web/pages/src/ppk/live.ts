// The board as it changes: loaded once, then kept up to date by server-sent events. One signal a station.
import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { askJson } from '../holder/http'
import { catalogue } from '../protocol/forms'
import { forgetAnswers } from './parts/useAnswer'
import type { Board, Station, Status } from './shapes'
import { isIn, type Standing, worstOf } from './standing'
import { Stream } from './stream'

const GATHER_MILLISECONDS = 50

/** A station, and how it stands: computed again only when it has changed itself. */
export interface Entry {
  station: Signal<Station>
  standing: ReadonlySignal<Standing>
  /** Whether the figures of all the forms shown are here. */
  isIn: ReadonlySignal<boolean>
}

export const board = signal<Board | null>(null)
/** By TPS code. */
export const stations = new Map<string, Entry>()
/** Grows by one whenever any station has changed: what is computed over all of them reads it. */
export const changes = signal(0)
export const status = signal<Status | null>(null)
/** Set when the session is over: somebody must log in again. */
export const ended = signal(false)

const stream = new Stream()
export const liveness = stream.liveness

/** One of the forms, or all that are expected. */
export const chosenForm = signal<number | null>(null)
export const shownForms = computed(() => (chosenForm.value === null ? (board.value?.forms ?? []) : [chosenForm.value]))
export const pagesOfForm = (form: number): number => catalogue.get(form)?.pages ?? 0

/** Loads the board, and follows it from then on. Rejects if it cannot be loaded the first time. */
export async function follow(): Promise<void> {
  ended.value = false
  await load()
  stream.follow({
    address: () => `/v1/board/events?at=${board.value?.at ?? 0}`,
    events: {
      station: (data) => gather(JSON.parse(data) as Station),
      status: (data) => {
        status.value = JSON.parse(data) as Status
      },
      resync: () => void load().catch(() => undefined), // what is not reached now, the stream finds out
      end
    },
    catchUp: load,
    ask: () => askJson('/v1/session'),
    onEnd: end
  })
}

/** Stops following, such as after logging out: nothing of the board stays in this page. */
export function leave(): void {
  stream.close()
  gathered.clear()
  stations.clear()
  forgetAnswers()
  board.value = null
  status.value = null
}

function end(): void {
  leave()
  ended.value = true
}

async function load(): Promise<void> {
  const [loaded, now] = await Promise.all([askJson<Board>('/v1/board'), askJson<Status>('/v1/status')])
  batch(() => {
    const present = new Set(loaded.stations.map((station) => station.tps))
    for (const tps of stations.keys()) if (!present.has(tps)) stations.delete(tps)
    for (const station of loaded.stations) put(station)
    status.value = now
    board.value = loaded
    changes.value += 1
  })
}

const gathered = new Map<string, Station>()

/** Many stations may change in one go, and are drawn in one go. */
function gather(station: Station): void {
  if (gathered.size === 0) setTimeout(takeGathered, GATHER_MILLISECONDS)
  gathered.set(station.tps, station)
}

function takeGathered(): void {
  batch(() => {
    for (const station of gathered.values()) put(station)
    gathered.clear()
    changes.value += 1
  })
}

function put(station: Station): void {
  const known = stations.get(station.tps)
  if (!known) stations.set(station.tps, entryOf(signal(station)))
  else if (JSON.stringify(known.station.peek()) !== JSON.stringify(station)) known.station.value = station
}

const entryOf = (station: Signal<Station>): Entry => ({
  station,
  standing: computed(() => worstOf(station.value, shownForms.value, pagesOfForm)),
  isIn: computed(() => isIn(station.value, shownForms.value))
})
