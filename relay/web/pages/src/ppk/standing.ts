// How a station stands, in one word: what the board sorts and filters by. Pure.
import type { Board, Documents, Station, Tally } from './shapes'

/** Worst first: what somebody must do something about stands at the top. */
export const STANDINGS = ['conflict', 'missing', 'refused', 'pages', 'flagged', 'waiting', 'done'] as const
export type Standing = (typeof STANDINGS)[number]

/** The newest revision of a form's tally, the other side of a conflict not counted. */
export const newestTally = (station: Station, form: number): Tally | undefined =>
  station.tallies.find((tally) => tally.form === form)

/** The newest list of a form's photographs. */
export const newestDocuments = (station: Station, form: number): Documents | undefined =>
  station.documents.find((listing) => listing.form === form)

/** Pages of a form: how many are here, of how many; `wanted` is what the form has if nobody has listed any. */
export function pagesOf(station: Station, form: number, wanted: number): { held: number; of: number } {
  const listing = newestDocuments(station, form)
  if (!listing) return { held: 0, of: wanted }
  const held = listing.pages.filter((page) => page.state === 'at-relay' || page.state === 'dropped').length
  return { held, of: Math.max(wanted, listing.pages.length) }
}

/**
 * Whether a note speaks of all the tallies that disagree now: the same rule as `standing` in relay/web/totals.py.
 * A tally that came after the note, or two notes that say different things, leave it open.
 */
export function isResolved(station: Station, form: number): boolean {
  const notes = station.notes.filter((note) => note.form === form && note.state !== 'refused')
  const newest = notes.filter((note) => note.revision === Math.max(...notes.map((other) => other.revision)))
  const [first] = newest
  if (!first || newest.some((note) => note.favours !== first.favours)) return false
  const spokenOf = new Set(newest.flatMap((note) => note.about))
  const claims = new Map<string, boolean>()
  for (const tally of rivalsOf(station, form)) {
    const claim = tally.figures.join()
    claims.set(claim, (claims.get(claim) ?? false) || spokenOf.has(tally.id))
  }
  return [...claims.values()].every((spoken) => spoken)
}

/** The tallies of a form's newest revision: more than one, if they disagree. */
export function rivalsOf(station: Station, form: number): Tally[] {
  const tallies = station.tallies.filter((tally) => tally.form === form && tally.state !== 'refused')
  const newest = Math.max(...tallies.map((tally) => tally.revision))
  return tallies.filter((tally) => tally.revision === newest)
}

/** What the newest revision claims: one tally for each different set of figures, the first that came. */
export function claimsOf(station: Station, form: number): Tally[] {
  const claims = new Map<string, Tally>()
  for (const tally of rivalsOf(station, form).toReversed()) {
    const figures = tally.figures.join()
    if (!claims.has(figures)) claims.set(figures, tally)
  }
  return [...claims.values()]
}

/** How one form of a station stands. `pages`: how many the form has. */
export function standingOf(station: Station, form: number, pages: number): Standing {
  const tally = newestTally(station, form)
  if (station.conflicts.includes(form) && !isResolved(station, form)) return 'conflict'
  if (!tally) return 'missing'
  const listing = newestDocuments(station, form)
  if (tally.state === 'refused' || listing?.state === 'refused') return 'refused'
  const { held, of } = pagesOf(station, form, pages)
  if (held < of) return 'pages'
  if (tally.flags.length > 0) return 'flagged'
  if (tally.state === 'at-relay' || listing?.state === 'at-relay') return 'waiting'
  return 'done'
}

/** The worst of a station's forms. */
export function worstOf(station: Station, forms: number[], pagesOfForm: (form: number) => number): Standing {
  const found = new Set(forms.map((form) => standingOf(station, form, pagesOfForm(form))))
  return STANDINGS.find((standing) => found.has(standing)) ?? 'done'
}

/** Whether the figures of all these forms are here; what was refused is not. */
export const isIn = (station: Station, forms: number[]): boolean =>
  forms.every((form) => station.tallies.some((tally) => tally.form === form && tally.state !== 'refused'))

/** How many stations stand how. */
export function count(stations: Iterable<Standing>): Record<Standing, number> {
  const told = Object.fromEntries(STANDINGS.map((standing) => [standing, 0])) as Record<Standing, number>
  for (const standing of stations) told[standing] += 1
  return told
}

/** The name of the village that a station lies in, or its code. */
export function villageOf(board: Pick<Board, 'villages'>, tps: string): string {
  const scope = tps.slice(0, 10)
  return board.villages.find((village) => village.scope === scope)?.name || scope
}

/** Whether `words` are found in a station's code, its number or its village's name. */
export function matches(words: string, tps: string, village: string): boolean {
  const wanted = words.trim().toLowerCase()
  if (wanted === '') return true
  const number = String(Number(tps.slice(10)))
  return (
    tps.includes(wanted) || village.toLowerCase().includes(wanted) || `tps ${number}` === wanted || number === wanted
  )
}
