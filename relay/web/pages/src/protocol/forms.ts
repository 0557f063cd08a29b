// C.HASIL forms as data: which figures in which order, packed ten bits each, and which rules they break.
// The files are those of relay/protocol/forms.

import type { Bytes } from './bytes'
import { Rejected } from './errors'
import { type Figures, holds, type Rule, type RuleDocument, readRule } from './rules'
import { expand, type Field, type Section, type SectionDocument } from './sections'

/** Three boxes on paper hold 0 to 999. */
export const FIGURE_MAX = 999
/** The flag of a form with blank boxes; rules that need a blank box are not judged. */
export const INCOMPLETE = 'incomplete'
const BLANK = 1023
const BITS = 10

/** One form of one election; `code` is what statements carry. */
export interface Form {
  readonly code: number
  readonly name: string
  readonly title: string
  readonly titleEn: string
  readonly pages: number
  readonly votesPage: number
  readonly sections: readonly Section[]
  readonly fields: readonly Field[]
  readonly rules: readonly Rule[]
}

/** A form's file as TOML gives it. */
export interface FormDocument {
  code: number
  name: string
  title: string
  title_en: string
  pages: number
  votes_page: number
  section: SectionDocument[]
  rule: RuleDocument[]
}

/** The form in one document; a rule that names no field is an Error (a mistake in the data). */
export function load(document: FormDocument): Form {
  const fields: Field[] = []
  const sections: Section[] = []
  const implied: RuleDocument[] = []
  for (const section of document.section) {
    const expanded = expand(section, fields.length)
    fields.push(...expanded.fields)
    sections.push(expanded.section)
    implied.push(...expanded.rules)
  }
  const positions = new Map(fields.map(({ id, position }) => [id, position]))
  return {
    code: document.code,
    name: document.name,
    title: document.title,
    titleEn: document.title_en,
    pages: document.pages,
    votesPage: document.votes_page,
    sections,
    fields,
    rules: [...implied, ...document.rule].map((rule) => readRule(rule, positions))
  }
}

/** Every form shipped with this version, by code. */
export const catalogue: ReadonlyMap<number, Form> = new Map(
  Object.entries(import.meta.glob<FormDocument>('@forms/*.toml', { eager: true, import: 'default' }))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, document]) => load(document))
    .map((form) => [form.code, form])
)

/** A form with nothing written on it. */
export const blankFigures = (form: Form): Figures => form.fields.map(() => null)

/** The ids of the rules that the figures break, in order; `incomplete` first if a box is blank. */
export function flags(form: Form, figures: Figures): string[] {
  const broken = form.rules.filter((rule) => holds(rule, figures) === false).map((rule) => rule.id)
  return figures.includes(null) ? [INCOMPLETE, ...broken] : broken
}

/** How many bytes this form's figures have when packed. */
export const packedBytes = (form: Form): number => Math.ceil((form.fields.length * BITS) / 8)

/** Ten bits a figure, big-endian, padded with zero bits; a blank box is 1023. */
export function pack(figures: Figures): Bytes {
  const packed = new Uint8Array(Math.ceil((figures.length * BITS) / 8))
  figures.forEach((figure, position) => {
    if (figure !== null && !(Number.isInteger(figure) && figure >= 0 && figure <= FIGURE_MAX)) {
      throw malformed(`A figure is 0 to ${FIGURE_MAX}, or blank; ${figure} is not.`)
    }
    const at = position * BITS
    const shifted = (figure ?? BLANK) << (16 - BITS - (at % 8)) // a figure lies in two bytes, wherever it begins
    packed[at >> 3] = (packed[at >> 3] ?? 0) | (shifted >> 8)
    packed[(at >> 3) + 1] = shifted & 0xff
  })
  return packed
}

/** The figures of `form`; `Rejected(figures-malformed)` if `packed` is not exactly an encoding of them. */
export function unpack(form: Form, packed: Bytes): Figures {
  if (packed.length !== packedBytes(form)) {
    throw malformed(`${form.name} has ${form.fields.length} figures in ${packedBytes(form)} bytes.`)
  }
  const padding = packed.length * 8 - form.fields.length * BITS
  if ((packed.at(-1) ?? 0) & ((1 << padding) - 1)) throw malformed('The padding behind the last figure must be zero.')
  return form.fields.map((_, position) => {
    const at = position * BITS
    const two = ((packed[at >> 3] ?? 0) << 8) | (packed[(at >> 3) + 1] ?? 0)
    const value = (two >> (16 - BITS - (at % 8))) & BLANK
    if (value > FIGURE_MAX && value < BLANK) throw malformed(`A figure is 0 to ${FIGURE_MAX}, or 1023 for blank.`)
    return value === BLANK ? null : value
  })
}

const malformed = (why: string) => new Rejected('figures-malformed', why)
