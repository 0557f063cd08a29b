// What a station still needs, from what is filled in, signed and receipted.

import { expect, test, vi } from 'vitest'
import { blankFigures, catalogue, type Form } from '../../protocol/forms'
import type { Draft, Item, Page } from '../engine/types'

vi.stubGlobal('localStorage', { getItem: () => null })
const { figuresToSign, markOf, newest, nextAtStation, nextOf, openFlags, pagesToSign } = await import('./standing')
const { sheetsOf } = await import('./sheets')

const TPS = '6501082001001'
const ppwp = catalogue.get(2401) as Form
const dpd = catalogue.get(2402) as Form
const full = [
  100, 110, 210, 80, 85, 165, 2, 1, 3, 1, 0, 1, 83, 86, 169, 215, 169, 1, 45, 1, 2, 3, 60, 80, 25, 165, 4, 169
]

const page = (number: number): Page => ({
  number,
  document: `digest ${number}`,
  fileName: 'a.jpg',
  type: 'image/jpeg',
  sizeBytes: 1,
  warnings: []
})

const draft = (change: Partial<Draft>): Draft => ({
  tps: TPS,
  form: 2401,
  figures: [...blankFigures(ppwp)],
  kept: [],
  pages: [],
  revision: 1,
  documentsRevision: 1,
  changedAt: 0,
  ...change
})

const item = (change: Partial<Item>): Item => ({
  id: 'ab',
  kind: 'tally',
  tps: TPS,
  form: 2401,
  revision: 1,
  signedAt: 0,
  step: 'on-phone',
  figures: null,
  pages: [],
  slip: null,
  receipt: null,
  trouble: null,
  ...change
})

const standing = (own: Draft | null, tally: Item | null, documents: Item | null) => ({
  form: ppwp,
  draft: own,
  tally,
  documents
})

test('a form goes from filling in over signing to photographs, and then asks nothing more', () => {
  const signed = item({ figures: full })
  const sent = { sentBytes: 0, slip: null }
  const pages = [1, 2, 3].map((number) => ({ ...page(number), ...sent }))
  expect(nextOf(standing(null, null, null))).toBe('fill')
  expect(nextOf(standing(draft({}), null, null))).toBe('fill')
  expect(nextOf(standing(draft({ figures: [5, ...full.slice(1, 27), null] }), null, null))).toBe('go-on')
  expect(nextOf(standing(draft({ figures: full }), null, null))).toBe('review')
  expect(nextOf(standing(draft({ figures: full }), signed, null))).toBe('photograph')
  expect(nextOf(standing(draft({ figures: full, pages: [page(1)] }), signed, null))).toBe('photograph-more')
  expect(nextOf(standing(draft({ figures: full, pages }), signed, null))).toBe('sign-pages')
  expect(nextOf(standing(draft({ figures: full, pages }), signed, item({ kind: 'documents', pages })))).toBeNull()
})

test('a refused tally is mended, even while its figures are still in the draft', () => {
  const refused = item({ figures: full, receipt: { issuedAt: 0, verdict: 'refused', notes: [] } })
  expect(nextOf(standing(null, refused, null))).toBe('mend')
  expect(nextOf(standing(draft({ figures: full }), refused, null))).toBe('mend')
})

test('what was refused, or signed by a revoked key that no relay takes, is signed again as it is', () => {
  const receipt = { issuedAt: 0, verdict: 'refused' as const, notes: [] }
  const revoked = { code: 'signer-revoked', detail: '' }
  const slip = { relay: 'relay', number: 1, heldAt: 0, clockSure: true }
  const own = draft({ figures: full })
  for (const change of [{ receipt }, { trouble: revoked }]) {
    const dead = item({ figures: full, ...change })
    expect(nextOf(standing(null, dead, null))).toBe('mend')
    expect(figuresToSign(own, dead)).toBe(true)
    const again = item({ id: 'cd', figures: full })
    expect(newest([dead, again], 'tally', TPS, 2401)).toBe(again)
    expect(newest([again, dead], 'tally', TPS, 2401)).toBe(again)
  }
  expect(figuresToSign(own, item({ figures: full, trouble: revoked, slip }))).toBe(false)
})

test('the figures of every form come before the photographs of any', () => {
  const signed = item({ figures: full })
  const standings = [standing(null, signed, null), { form: dpd, draft: null, tally: null, documents: null }]
  expect(nextAtStation(standings)).toEqual({ kind: 'fill', form: dpd })
  expect(nextAtStation(standings.slice(0, 1))).toEqual({ kind: 'photograph', form: ppwp })
})

test('what was signed already is not signed again; a changed figure or another order of pages is', () => {
  const signed = item({ figures: full })
  expect(figuresToSign(draft({ figures: full }), signed)).toBe(false)
  expect(figuresToSign(draft({ figures: [101, ...full.slice(1)] }), signed)).toBe(true)
  expect(figuresToSign(draft({}), null)).toBe(false)
  const listed = item({ kind: 'documents', pages: [{ ...page(1), sentBytes: 0, slip: null }] })
  expect(pagesToSign(draft({ pages: [page(1)] }), listed)).toBe(false)
  expect(pagesToSign(draft({ pages: [{ ...page(1), number: 2 }] }), listed)).toBe(true)
})

test('a rule kept as on the paper is no longer open, and its sheet counts as done', () => {
  const broken = draft({ figures: [...full.slice(0, 27), 170] })
  expect(openFlags(ppwp, broken)).toContain('valid-and-invalid')
  const sheet = sheetsOf(ppwp).at(-1)
  if (!sheet) throw new Error('no sheet')
  expect(markOf(ppwp, broken, sheet)).toBe('broken')
  expect(markOf(ppwp, { ...broken, kept: openFlags(ppwp, broken) }, sheet)).toBe('done')
})

test('zero is filled in, blank is not', () => {
  const [sheet] = sheetsOf(ppwp)
  if (!sheet) throw new Error('no sheet')
  expect(markOf(ppwp, draft({}), sheet)).toBe('untouched')
  expect(markOf(ppwp, draft({ figures: [0, ...blankFigures(ppwp).slice(1)] }), sheet)).toBe('partly')
})

test('a soft rule, which honest papers break too, keeps nobody from signing', () => {
  const figures = [...full]
  figures[15] = 219 // ballots received: 210 + 2 % is 214.2
  figures[18] = 49
  expect(openFlags(ppwp, draft({ figures }))).toEqual([])
})
