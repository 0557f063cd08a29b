// Forms: packed and unpacked as on the wire, expanded as on paper, judged with the numbers that a sentence needs.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { toHex } from './bytes'
import * as forms from './forms'
import { type Figures, holds, judge, type Rule, type RuleDocument } from './rules'

const DEMO = resolve(import.meta.dirname, '../../../../demo')

const form = (code: number): forms.Form => {
  const found = forms.catalogue.get(code)
  if (!found) throw new Error(`no form ${code}`)
  return found
}
const PPWP = form(2401)
const DPR = form(2403)

/** The real records of a kecamatan in 2024: TPS code -> figures, of which those that were not written are blank. */
function records(file: string): Map<string, Figures> {
  const [head = '', ...lines] = readFileSync(resolve(DEMO, file), 'utf8').trim().split(/\r?\n/)
  const columns = head.split(',')
  return new Map(
    lines.map((line) => {
      const cells = line.split(',')
      const named = new Map(columns.map((column, at) => [column, cells[at]]))
      const figures = PPWP.fields.map(({ id }) => (named.get(id) ? Number(named.get(id)) : null))
      return [cells[0] ?? '', figures]
    })
  )
}

/** Figures by name, all others blank. */
const figures = (of: forms.Form, named: Record<string, number>): Figures =>
  of.fields.map((field) => named[field.id] ?? null)

const rule = (of: forms.Form, id: string): Rule => {
  const found = of.rules.find((candidate) => candidate.id === id)
  if (!found) throw new Error(`no rule ${id}`)
  return found
}

describe('figures', () => {
  test.each(['peso_hilir.csv', 'peso.csv'])('of %s survive packing', (file) => {
    const all = records(file)
    expect(all.size).toBeGreaterThan(2)
    for (const [tps, figures] of all) {
      expect(tps).toMatch(/^65010[78]/)
      expect(forms.unpack(PPWP, forms.pack(figures))).toEqual(figures)
    }
  })

  test('are ten bits each, and 1023 where blank', () => {
    expect(toHex(forms.pack([148, 135, 283, 105]))).toBe('2508746c69')
    expect(toHex(forms.pack([null]))).toBe('ffc0')
    expect(toHex(forms.pack([0]))).toBe('0000')
  })

  test.each([-1, 1000, 1023, 0.5, Number.NaN])('are never %d', (figure) => {
    expect(() => forms.pack([figure])).toThrow(expect.objectContaining({ code: 'figures-malformed' }))
  })

  test('of a real record raise only what its missing sections raise', () => {
    const first = records('peso_hilir.csv').get('6501082001001')
    expect(forms.flags(PPWP, first ?? [])).toEqual(['incomplete'])
  })
})

describe('a form', () => {
  test('has the sizes that the protocol says', () => {
    const sizes = [...forms.catalogue.values()].map((one) => [one.code, one.fields.length, forms.packedBytes(one)])
    expect(sizes).toEqual(
      expect.arrayContaining([
        [2401, 28, 35],
        [2402, 37, 47],
        [2403, 115, 144],
        [2405, 241, 302]
      ])
    )
  })

  test('keeps its sections, which hold every figure once and in order', () => {
    for (const one of forms.catalogue.values()) {
      expect(one.sections.flatMap((section) => section.fields)).toEqual(one.fields.map((field) => field.position))
    }
    expect(PPWP.sections.map((section) => section.paper)).toContain('I.B.4')
  })

  test('groups the boxes of each party', () => {
    const votes = DPR.sections.find((section) => section.kind === 'parties')
    expect(votes?.parties).toHaveLength(18)
    const last = votes?.parties.at(-1)
    expect(last?.number).toBe(24)
    expect(last?.fields.map((at) => DPR.fields[at]?.id)).toEqual(
      ['party', 1, 2, 3, 'total'].map((part) => `votes.24.${part}`)
    )
    expect(votes?.parties.flatMap((party) => party.fields)).toEqual(votes?.fields)
  })

  test('may have 18 parties of 10 candidates each', () => {
    const parties = Array.from({ length: 18 }, (_, at) => ({ number: at + 1, candidates: 10 }))
    const labels = { paper: 'IV', label: 'Suara partai', label_en: 'Votes of party' }
    const large = forms.load({
      code: 1,
      name: 'LARGE',
      title: '',
      title_en: '',
      pages: 40,
      votes_page: 3,
      section: [{ kind: 'parties', id: 'votes', parties, ...labels }],
      rule: []
    })
    expect(large.fields).toHaveLength(18 * 12)
    expect(large.rules).toHaveLength(18)
    const all = large.fields.map((field) => (field.id.endsWith('.total') ? 11 : 1))
    expect(forms.flags(large, all)).toEqual([])
    expect(forms.unpack(large, forms.pack(all))).toEqual(all)
  })

  test('whose rule names no figure is a mistake in the data', () => {
    const data = { code: 1, name: '', title: '', title_en: '', pages: 1, votes_page: 1, section: [] }
    const wrong: RuleDocument = { id: 'x', kind: 'equal', left: 'no', right: 'none' }
    expect(() => forms.load({ ...data, rule: [wrong] })).toThrow('no figure is called no')
  })
})

describe('a rule', () => {
  test('gives the numbers of its sentence', () => {
    const one = rule(PPWP, 'users-lp')
    const judged = judge(one, figures(PPWP, { 'users.l': 106, 'users.p': 109, 'users.j': 214 }))
    expect(judged).toMatchObject({ holds: false, left: 215, right: 214, blank: [] })
  })

  test('is not judged while a box that it needs is blank, and says which', () => {
    const one = rule(PPWP, 'users-lp')
    const judged = judge(one, figures(PPWP, { 'users.l': 106, 'users.j': 214 }))
    expect(judged).toMatchObject({ holds: null, left: null, right: 214 })
    expect(judged.blank.map((at) => PPWP.fields[at]?.id)).toEqual(['users.p'])
  })

  test('with a fixed limit has that number on its right', () => {
    const judged = judge(rule(PPWP, 'dpt-at-most-300'), figures(PPWP, { 'dpt.j': 301 }))
    expect(judged).toMatchObject({ holds: false, left: 301, right: 300, rule: { soft: true } })
  })

  test('that gives or takes a little does so on both sides', () => {
    const one = rule(PPWP, 'ballots-about-dpt') // 2 % more than the list, give or take 2
    const isKept = (ballots: number) => holds(one, figures(PPWP, { ballots_received: ballots, 'dpt.j': 283 }))
    expect([286, 287, 290, 291].map(isKept)).toEqual([false, true, true, false])
  })
})
