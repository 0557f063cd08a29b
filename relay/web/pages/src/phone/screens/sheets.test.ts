// A form cut into sheets: every box once, in the order of the paper, a sheet for each party.

import { beforeAll, expect, test, vi } from 'vitest'
import type { Form } from '../../protocol/forms'

vi.stubGlobal('localStorage', { getItem: () => null })

let forms: typeof import('../../protocol/forms')
let catalogue: ReadonlyMap<number, Form>
let sheets: typeof import('./sheets')

beforeAll(async () => {
  forms = await import('../../protocol/forms')
  catalogue = forms.catalogue
  sheets = await import('./sheets')
})

const form = (code: number): Form => {
  const found = catalogue.get(code)
  if (!found) throw new Error(`no form ${code}`)
  return found
}

test('every box of every form stands on exactly one sheet, in the order of the paper', () => {
  expect(catalogue.size).toBeGreaterThan(0)
  for (const one of catalogue.values()) {
    const positions = sheets.sheetsOf(one).flatMap((sheet) => sheet.positions)
    expect(positions).toEqual(one.fields.map((field) => field.position))
  }
})

test('a presidential form has the five parts of the paper', () => {
  expect(sheets.sheetsOf(form(2401)).map(({ id }) => id)).toEqual(['I', 'II', 'III', 'IV', 'V'])
  expect(sheets.partTitle(form(2401), 'I')).toBe('I. Data pemilih dan pengguna hak pilih')
})

test('each party has a sheet of its own: its votes, its candidates, its total', () => {
  const parties = sheets.sheetsOf(form(2403)).filter(({ party }) => party !== null)
  expect(parties).toHaveLength(18)
  expect(parties[6]?.id).toBe('IV.7')
  expect(parties[6]?.rows.map(({ short }) => short)).toEqual([
    'Suara partai',
    'Calon 1',
    'Calon 2',
    'Calon 3',
    'Jumlah'
  ])
})

test('people are counted in three columns of one row', () => {
  const [first] = sheets.sheetsOf(form(2401))
  expect(first?.rows[0]?.cells.map(({ heading }) => heading)).toEqual(['L', 'P', 'Jumlah'])
})

test('eighteen parties with ten candidates each are eighteen sheets of twelve figures', () => {
  const parties = Array.from({ length: 18 }, (_, at) => ({ number: at + 1, candidates: 10 }))
  const labels = { label: 'Suara partai', label_en: 'Votes of party' }
  const section = { kind: 'parties' as const, id: 'votes', paper: 'IV', parties, ...labels }
  const titles = { name: 'C.HASIL-DPR', title: '', title_en: '' }
  const large = forms.load({ code: 1, ...titles, pages: 9, votes_page: 3, section: [section], rule: [] })
  const cut = sheets.sheetsOf(large)
  expect(cut.map((sheet) => sheet.positions.length)).toEqual(Array(18).fill(12))
  expect(cut.map(sheets.sheetName).slice(0, 2)).toEqual(['partai 1', 'partai 2'])
})
