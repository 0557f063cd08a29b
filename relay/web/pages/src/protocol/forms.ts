// C.HASIL forms as data: which figures in which order, packed ten bits each, and the rules that flag.
// The files are those of relay/protocol/forms. Rules never refuse: the paper is what it is.

import type { Bytes } from './bytes'
import { Rejected } from './errors'
import { expand } from './sections'

/** Three boxes on paper hold 0 to 999. */
export const FIGURE_MAX = 999
/** The flag of a form with blank boxes; rules that need a blank box are not judged. */
export const INCOMPLETE = 'incomplete'
const BLANK = 1023
const BITS = 10

/** In the form's order; null is a blank box, which is not zero. */
export type Figures = readonly (number | null)[]

/** One figure: its id in data (`users.l`), its number on paper (`I.B.4`), its label, its place in the form's order. */
export interface Field {
  readonly id: string
  readonly paper: string
  readonly label: string
  readonly labelEn: string
  readonly position: number
}

/** A part of the paper as it is shown; `fields` are positions. */
export interface Section {
  readonly id: string
  readonly kind: 'figure' | 'people' | 'choices' | 'parties'
  readonly paper: string
  readonly label: string
  readonly labelEn: string
  readonly fields: readonly number[]
  /** Of each party: its own votes, those of its candidates, the total. Empty unless `kind` is parties. */
  readonly parties: readonly { readonly number: number; readonly fields: readonly number[] }[]
}

export type RuleKind = 'sum' | 'equal' | 'at-most' | 'limit' | 'about'

/** One arithmetic rule over positions; `right` is -1 for a `limit`. */
export interface Rule {
  readonly id: string
  readonly kind: RuleKind
  readonly left: readonly number[]
  readonly right: number
  readonly percent: number
  readonly tolerance: number
  readonly limit: number
  readonly soft: boolean
}

/** What a rule says of figures, with the numbers for a sentence about it. */
export interface Judgement {
  readonly rule: Rule
  /** Whether the figures keep the rule; null if a box that it needs is blank. */
  readonly holds: boolean | null
  /** Positions of the boxes that it needs and that are blank. */
  readonly blank: readonly number[]
  /** The sum of the left side; null if a box of it is blank. */
  readonly left: number | null
  /** The right side: a figure, or the number of a `limit`; null if blank. */
  readonly right: number | null
}

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

export interface SectionDocument {
  kind: Section['kind']
  id: string
  paper: string
  label: string
  label_en: string
  count?: number
  parties?: { number: number; candidates: number }[]
}

export interface RuleDocument {
  id: string
  kind: RuleKind
  parts?: string[]
  total?: string
  left?: string
  right?: string
  percent?: number
  tolerance?: number
  limit?: number
  soft?: boolean
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
  return {
    code: document.code,
    name: document.name,
    title: document.title,
    titleEn: document.title_en,
    pages: document.pages,
    votesPage: document.votes_page,
    sections,
    fields,
    rules: [...implied, ...document.rule].map((rule) => readRule(rule, fields))
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

/** What `rule` says of `figures`. */
export function judge(rule: Rule, figures: Figures): Judgement {
  const needs = rule.kind === 'limit' ? rule.left : [...rule.left, rule.right]
  const blank = needs.filter((position) => figures[position] == null)
  const left = rule.left.some((position) => figures[position] == null)
    ? null
    : rule.left.reduce((sum, position) => sum + (figures[position] ?? 0), 0)
  const right = rule.kind === 'limit' ? rule.limit : (figures[rule.right] ?? null)
  return { rule, holds: left === null || right === null ? null : keeps(rule, left, right), blank, left, right }
}

/** Whether the figures keep this rule; null if a box that it needs is blank. */
export const holds = (rule: Rule, figures: Figures): boolean | null => judge(rule, figures).holds

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

function keeps(rule: Rule, left: number, right: number): boolean {
  if (rule.kind === 'sum' || rule.kind === 'equal') return left === right
  if (rule.kind === 'about') return Math.abs(left * 100 - right * (100 + rule.percent)) <= rule.tolerance * 100
  return left <= right
}

function readRule(rule: RuleDocument, fields: readonly Field[]): Rule {
  const names = rule.kind === 'sum' ? (rule.parts ?? []) : [rule.left ?? '']
  const right = rule.kind === 'sum' ? rule.total : rule.right
  return {
    id: rule.id,
    kind: rule.kind,
    left: names.flatMap((name) => positions(name, fields)),
    right: rule.kind === 'limit' ? -1 : (positions(right ?? '', fields)[0] ?? -1),
    percent: rule.percent ?? 0,
    tolerance: rule.tolerance ?? 0,
    limit: rule.limit ?? 0,
    soft: rule.soft ?? false
  }
}

/** `votes.*` and `votes.*.total` stand for every field of that shape; other names for themselves. */
function positions(pattern: string, fields: readonly Field[]): number[] {
  const [start = '', end] = pattern.split('*')
  const fits = (id: string) => (end === undefined ? id === pattern : id.startsWith(start) && id.endsWith(end))
  const found = fields.filter((field) => fits(field.id)).map((field) => field.position)
  if (found.length === 0) throw new Error(`no figure is called ${pattern}`)
  return found
}

const malformed = (why: string) => new Rejected('figures-malformed', why)
