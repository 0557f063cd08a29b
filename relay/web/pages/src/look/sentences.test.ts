// A broken rule as a sentence with its numbers, in the words of the paper.

import { expect, test, vi } from 'vitest'
import { blankFigures, catalogue, type Form } from '../protocol/forms'

vi.stubGlobal('localStorage', { getItem: () => null })
vi.stubGlobal('document', { documentElement: {} })
const { nameOf, sentence } = await import('./sentences')

function said(code: number, rule: string, named: Record<string, number>): string {
  const form = catalogue.get(code) as Form
  const figures = [...blankFigures(form)]
  for (const [id, figure] of Object.entries(named)) {
    const field = form.fields.find((one) => one.id === id)
    if (!field) throw new Error(id)
    figures[field.position] = figure
  }
  const found = form.rules.find(({ id }) => id === rule)
  if (!found) throw new Error(rule)
  return sentence(form, found, figures)
}

test('a sum names its parts with their numbers', () => {
  expect(said(2401, 'dpt-lp', { 'dpt.l': 100, 'dpt.p': 110, 'dpt.j': 211 })).toBe(
    'I.A (L) 100 + I.A (P) 110 = 210, tetapi I.A (jumlah) tertulis 211 (selisih 1).'
  )
})

test('a sum of many parts names the first and the last', () => {
  const form = catalogue.get(2403) as Form
  const totals = form.fields.filter(({ id }) => /^votes\.\d+\.total$/.test(id))
  const named = Object.fromEntries(totals.map(({ id }) => [id, 2]))
  expect(said(2403, 'votes-sum', { ...named, valid: 40 })).toBe(
    '18 angka dari IV.1 (jumlah) sampai IV.24 (jumlah) = 36, tetapi V.A tertulis 40 (selisih 4).'
  )
})

test.each([
  [
    'users-equal-votes',
    { 'users.j': 169, total: 170 },
    'I.B.4 (jumlah) tertulis 169, V.C tertulis 170; seharusnya sama (selisih 1).'
  ],
  [
    'users-within-dpt-l',
    { 'users_dpt.l': 9, 'dpt.l': 8 },
    'I.B.1 (L) tertulis 9, lebih banyak daripada I.A (L), yaitu 8.'
  ],
  ['dpt-at-most-300', { 'dpt.j': 301 }, 'I.A (jumlah) tertulis 301, lebih dari 300.'],
  [
    'ballots-about-dpt',
    { ballots_received: 250, 'dpt.j': 200 },
    'II.1 tertulis 250; I.A (jumlah) ditambah 2 % adalah 204.'
  ]
])('%s', (rule, named, words) => {
  expect(said(2401, rule, named as Record<string, number>)).toBe(words)
})

test('a candidate of a party is found by its numbers', () => {
  const form = catalogue.get(2403) as Form
  expect(nameOf(form.fields.find(({ id }) => id === 'votes.7.2'))).toBe('IV.7.2')
})
