// The board as it changes: loaded once, then kept up to date by server-sent events. One signal a station.
import { type Signal, signal } from '@preact/signals'
import { askJson } from '../holder/http'
import type { Board, Station, Status } from './shapes'

const AGAIN_MILLISECONDS = 3_000

export type Liveness = { state: 'connecting' } | { state: 'live' } | { state: 'lost'; since: number }

export const board = signal<Board | null>(null)
/** By TPS code; the signal of a station that does not change stays untouched. */
export const stations = new Map<string, Signal<Station>>()
/** Grows by one with every change of any station: what is computed over all of them reads it. */
export const changes = signal(0)
export const status = signal<Status | null>(null)
/** Set when the session is over: somebody must log in again. */
export const ended = signal(false)
export const liveness = signal<Liveness>({ state: 'connecting' })

let source: EventSource | null = null

/** Loads the board, and follows it from then on. Rejects if it cannot be loaded the first time. */
export async function follow(): Promise<void> {
  ended.value = false
  await load()
  listen()
}

/** Stops following, such as after logging out. */
export function leave(): void {
  source?.close()
  source = null
  board.value = null
  stations.clear()
}

async function load(): Promise<void> {
  const [loaded, now] = await Promise.all([askJson<Board>('/v1/board'), askJson<Status>('/v1/status')])
  status.value = now
  for (const station of loaded.stations) put(station)
  const present = new Set(loaded.stations.map((station) => station.tps))
  for (const tps of stations.keys()) if (!present.has(tps)) stations.delete(tps)
  board.value = loaded
  changes.value += 1
}

function listen(): void {
  source?.close()
  source = new EventSource(`/v1/board/events?at=${board.value?.at ?? 0}`)
  source.addEventListener('open', () => {
    liveness.value = { state: 'live' }
  })
  source.addEventListener('station', (event) => {
    put(JSON.parse(event.data) as Station)
    changes.value += 1
  })
  source.addEventListener('status', (event) => {
    status.value = JSON.parse(event.data) as Status
  })
  source.addEventListener('resync', () => void reload())
  source.addEventListener('end', () => {
    leave()
    ended.value = true
  })
  source.addEventListener('error', lost)
}

function lost(): void {
  source?.close()
  source = null
  if (liveness.value.state !== 'lost') liveness.value = { state: 'lost', since: Date.now() }
  setTimeout(() => void reload(), AGAIN_MILLISECONDS)
}

/** Between two connections anything may have changed: the whole board is asked for again. */
async function reload(): Promise<void> {
  if (!board.value) return
  try {
    await load()
    listen()
  } catch {
    lost()
  }
}

function put(station: Station): void {
  const known = stations.get(station.tps)
  if (!known) stations.set(station.tps, signal(station))
  else if (JSON.stringify(known.peek()) !== JSON.stringify(station)) known.value = station
}
