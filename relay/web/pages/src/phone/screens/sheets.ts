// A form cut into what fits a phone's screen: the parts of the paper (I, II, …), and one sheet for each party.

import type { Form } from '../../protocol/forms'
import type { Section } from '../../protocol/sections'
import { knows, language, say } from '../../words/words'

export interface Cell {
  position: number
  /** What stands above the boxes where a row has more than one figure: L, P, jumlah. */
  heading: string
}

export interface Row {
  paper: string
  /** Said in full: `Suara partai 7, calon 2`. */
  label: string
  /** Shown where the title says the rest: `Calon 2`. */
  short: string
  cells: Cell[]
}

/** What one screen of entering shows. Its id is `IV`, or `IV.7` for a party. */
export interface Sheet {
  id: string
  part: string
  party: number | null
  rows: Row[]
  positions: number[]
}

/** The sheets of a form in the order of the paper. */
export function sheetsOf(form: Form): Sheet[] {
  const sheets: Sheet[] = []
  for (const section of form.sections) {
    const part = section.paper.split('.')[0] ?? section.paper
    for (const party of section.parties) {
      const rows = party.fields.map((position) => partyRow(form, position))
      sheets.push(sheet(`${part}.${party.number}`, part, party.number, rows))
    }
    if (section.kind === 'parties') continue
    const rows = rowsOf(form, section)
    const last = sheets.at(-1)
    if (last && last.part === part && last.party === null) add(last, rows)
    else sheets.push(sheet(part, part, null, rows))
  }
  return sheets
}

/** `I. Data pemilih dan pengguna hak pilih`, or `IV. Partai 7`. */
export function sheetTitle(form: Form, sheet: Sheet): string {
  if (sheet.party !== null) return say('fill.party', { part: sheet.part, number: sheet.party })
  return partTitle(form, sheet.part)
}

/** `bagian II` or `partai 7`, within a sentence. */
export const sheetName = ({ part, party }: Sheet): string =>
  party === null ? say('fill.part', { part }) : say('fill.party-short', { number: party })

export function partTitle(form: Form, part: string): string {
  const named = `part.${part}.${form.name.replace(/^C\.HASIL-/, '')}`
  if (knows(named)) return `${part}. ${say(named)}`
  if (knows(`part.${part}`)) return `${part}. ${say(`part.${part}`)}`
  const section = form.sections.find(({ paper }) => paper.split('.')[0] === part)
  return section ? `${part}. ${labelOf(section)}` : part
}

/** A label of form data in the language chosen. */
export const labelOf = (labelled: { label: string; labelEn: string }): string =>
  language.value === 'id' ? labelled.label : labelled.labelEn

export const titleOf = (form: Form): string => (language.value === 'id' ? form.title : form.titleEn)

function rowsOf(form: Form, section: Section): Row[] {
  if (section.kind !== 'people') return section.fields.map((position) => single(form, position))
  const headings = [say('fill.men'), say('fill.women'), say('fill.total')]
  const cells = section.fields.map((position, at) => ({ position, heading: headings[at] ?? '' }))
  const label = labelOf(section)
  return [{ paper: section.paper, label, short: label, cells }]
}

function single(form: Form, position: number): Row {
  const field = form.fields[position]
  const label = field ? labelOf(field) : ''
  return { paper: field?.paper ?? '', label, short: label, cells: [{ position, heading: '' }] }
}

function partyRow(form: Form, position: number): Row {
  const row = single(form, position)
  const short = row.label.split(', ')[1] ?? say('fill.party-votes')
  return { ...row, paper: '', short: short.charAt(0).toUpperCase() + short.slice(1) }
}

const sheet = (id: string, part: string, party: number | null, rows: Row[]): Sheet => ({
  id,
  part,
  party,
  rows,
  positions: positionsOf(rows)
})

function add(to: Sheet, rows: Row[]): void {
  to.rows.push(...rows)
  to.positions.push(...positionsOf(rows))
}

const positionsOf = (rows: Row[]): number[] => rows.flatMap((row) => row.cells.map(({ position }) => position))
