import { describe, expect, it } from 'vitest'
import type { Station, Tally } from './shapes'
import { claimsOf, count, isIn, isResolved, matches, pagesOf, standingOf, worstOf } from './standing'

const FORM = 2401

const tally = (more: Partial<Tally> = {}): Tally => ({
  id: 'aa',
  form: FORM,
  revision: 1,
  state: 'at-centre',
  reasons: [],
  flags: [],
  signed_at: 1,
  held_at: 1,
  number: 1,
  origin: null,
  under_way: false,
  figures: [1, 2, null],
  ...more
})

const station = (more: Partial<Station> = {}): Station => ({
  tps: '6501082001003',
  listed: true,
  last_contact: null,
  tallies: [tally()],
  documents: [
    {
      id: 'dd',
      form: FORM,
      revision: 1,
      state: 'at-centre',
      reasons: [],
      held_at: 1,
      pages: [1, 2, 3].map((page) => ({ page, document: `${page}`, size_bytes: 1, state: 'at-relay' }))
    }
  ],
  notes: [],
  conflicts: [],
  missing: [],
  ...more
})

const rivals = [tally({ id: 'aa', figures: [1] }), tally({ id: 'bb', figures: [2] })]
const noteAbout = (about: string[], more = {}) => ({
  id: 'nn',
  form: FORM,
  revision: 1,
  about,
  favours: about[0] ?? null,
  text: 'x',
  state: 'at-relay' as const,
  reasons: [],
  signed_at: 1,
  ...more
})

describe('standing', () => {
  it.each([
    ['done', station()],
    ['missing', station({ tallies: [], documents: [] })],
    ['pages', station({ documents: [] })],
    ['flagged', station({ tallies: [tally({ flags: ['votes-sum'] })] })],
    ['waiting', station({ tallies: [tally({ state: 'at-relay' })] })],
    ['refused', station({ tallies: [tally({ state: 'refused' })] })],
    ['conflict', station({ tallies: rivals, conflicts: [FORM] })]
  ])('is %s', (expected, shown) => {
    expect(standingOf(shown, FORM, 3)).toBe(expected)
  })

  it('of several forms is the worst', () => {
    expect(worstOf(station(), [FORM, 2402], () => 3)).toBe('missing')
  })

  it('a page that was dropped after its receipt still counts as there', () => {
    const listing = station().documents[0]
    const pages = listing?.pages.map((page) => ({ ...page, state: 'dropped' as const })) ?? []
    expect(pagesOf(station({ documents: listing ? [{ ...listing, pages }] : [] }), FORM, 3)).toEqual({ held: 3, of: 3 })
  })

  it('counts every standing, those that nobody has as well', () => {
    expect(count(['done', 'done', 'missing'])).toMatchObject({ done: 2, missing: 1, conflict: 0 })
  })
})

describe('a conflict', () => {
  const disputed = (notes: Station['notes']) => station({ tallies: rivals, conflicts: [FORM], notes })

  it('is resolved by a note about all that disagree', () => {
    expect(isResolved(disputed([noteAbout(['aa', 'bb'])]), FORM)).toBe(true)
  })

  it('stays open when a tally came after the note', () => {
    expect(isResolved(disputed([noteAbout(['aa'])]), FORM)).toBe(false)
  })

  it('stays open when two notes of one revision favour different tallies', () => {
    const notes = [noteAbout(['aa', 'bb']), noteAbout(['aa', 'bb'], { id: 'n2', favours: 'bb' })]
    expect(isResolved(disputed(notes), FORM)).toBe(false)
  })

  it('is resolved by the newest note, not by an older one', () => {
    const notes = [noteAbout(['aa', 'bb'], { revision: 2, favours: 'bb' }), noteAbout(['aa', 'bb'])]
    expect(isResolved(disputed(notes), FORM)).toBe(true)
  })
})

describe('a station is in', () => {
  it('when the figures of every form are here, whatever else is the matter', () => {
    expect(isIn(station({ tallies: rivals, conflicts: [FORM] }), [FORM])).toBe(true)
    expect(isIn(station(), [FORM, 2402])).toBe(false)
  })

  it('not with figures that were refused', () => {
    expect(isIn(station({ tallies: [tally({ state: 'refused' })] }), [FORM])).toBe(false)
  })
})

describe('claims', () => {
  it('are one tally for each set of figures of the newest revision, the first that came', () => {
    const again = tally({ id: 'cc', figures: [1] })
    const older = tally({ id: 'dd', figures: [9], revision: 0 })
    const shown = station({
      tallies: [again, tally({ id: 'bb', figures: [2] }), tally({ id: 'aa', figures: [1] }), older]
    })
    expect(claimsOf(shown, FORM).map(({ id }) => id)).toEqual(['aa', 'bb'])
  })
})

describe('search', () => {
  it.each(['', '3', 'tps 3', 'HILIR', '6501082001003'])('finds the station by %j', (words) => {
    expect(matches(words, '6501082001003', 'Peso Hilir')).toBe(true)
  })

  it('does not find it by another number', () => {
    expect(matches('13', '6501082001003', 'Peso Hilir')).toBe(false)
  })
})
