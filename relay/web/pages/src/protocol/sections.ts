// A section of the paper as figures, and the rules that its shape implies, as relay/protocol/forms expands it.

import type { RuleDocument } from './rules'

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

/** A section as TOML gives it. */
export interface SectionDocument {
  kind: Section['kind']
  id: string
  paper: string
  label: string
  label_en: string
  count?: number
  parties?: { number: number; candidates: number }[]
}

interface Expanded {
  fields: Field[]
  rules: RuleDocument[]
  section: Section
}

/** Suffix of the id, and of the label in both languages. */
type Box = [suffix: string, words: string, wordsEn: string]

interface Shape {
  boxes: Box[]
  rules: RuleDocument[]
  /** Of each party, how many boxes it has. */
  parties: { number: number; boxes: number }[]
}

/** The figures of a section, of which the first stands at position `first`. */
export function expand(document: SectionDocument, first: number): Expanded {
  const { id, kind, paper, label, label_en: labelEn } = document
  const { boxes, rules, parties } = SHAPES[kind](document)
  const fields = boxes.map(([suffix, words, wordsEn], at) => ({
    id: id + suffix,
    paper,
    label: label + words,
    labelEn: labelEn + wordsEn,
    position: first + at
  }))
  let at = first
  const grouped = parties.map((party) => {
    at += party.boxes
    return { number: party.number, fields: range(at - party.boxes, at) }
  })
  const section = { id, kind, paper, label, labelEn, fields: range(first, first + boxes.length), parties: grouped }
  return { fields, rules, section }
}

const SHAPES: Record<Section['kind'], (section: SectionDocument) => Shape> = {
  figure: () => ({ boxes: [['', '', '']], rules: [], parties: [] }),
  people: ({ id }) => ({
    boxes: [
      ['.l', ' (L)', ' (men)'],
      ['.p', ' (P)', ' (women)'],
      ['.j', ' (J)', ' (total)']
    ],
    rules: [sum(`${id}-lp`, [`${id}.l`, `${id}.p`], `${id}.j`)],
    parties: []
  }),
  choices: ({ count = 0 }) => ({
    boxes: range(1, count + 1).map((number): Box => [`.${number}`, ` ${number}`, ` ${number}`]),
    rules: [],
    parties: []
  }),
  parties: ({ id, parties = [] }) => ({
    boxes: parties.flatMap(({ number, candidates }) => partyBoxes(number, candidates)),
    rules: parties.map(({ number, candidates }) => {
      const parts = ['party', ...range(1, candidates + 1)].map((part) => `${id}.${number}.${part}`)
      return sum(`${id}-party-${number}`, parts, `${id}.${number}.total`)
    }),
    parties: parties.map(({ number, candidates }) => ({ number, boxes: candidates + 2 }))
  })
}

function partyBoxes(party: number, candidates: number): Box[] {
  return [
    [`.${party}.party`, ` ${party}`, ` ${party}`],
    ...range(1, candidates + 1).map(
      (number): Box => [`.${party}.${number}`, ` ${party}, calon ${number}`, ` ${party}, candidate ${number}`]
    ),
    [`.${party}.total`, ` ${party}, jumlah`, ` ${party}, total`]
  ]
}

const sum = (id: string, parts: string[], total: string): RuleDocument => ({ id, kind: 'sum', parts, total })

/** Whole numbers from `from` up to, but without, `to`. */
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at)
