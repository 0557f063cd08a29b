// A rule of a form with the numbers of this paper in it: what does not agree, for the person who copied it.

import type { Form } from '../protocol/forms'
import { type Figures, judge, type Rule } from '../protocol/rules'
import type { Field } from '../protocol/sections'
import { say } from '../words/words'

/** More parts than these are not named one by one. */
export const PARTS_NAMED_MAX = 4

/** One sentence about `rule`; the judged numbers are blank only when a box is. */
export function sentence(form: Form, rule: Rule, figures: Figures): string {
  const { left, right } = judge(rule, figures)
  const values = {
    one: nameOf(form.fields[rule.left[0] ?? 0]),
    other: nameOf(form.fields[rule.right]),
    left: left ?? '',
    right: right ?? '',
    gap: Math.abs((left ?? 0) - (right ?? 0)),
    percent: rule.percent,
    parts: partsOf(form, rule, figures),
    about: Math.round(((right ?? 0) * (100 + rule.percent)) / 100)
  }
  return say(`rule.${rule.kind}`, values)
}

/** `I.B.4 (L)`: where a figure stands on the paper, in short. */
export function nameOf(field: Field | undefined): string {
  if (!field) return ''
  const column = /\.([lpj])$/.exec(field.id)?.[1]
  if (column) return `${field.paper} (${say(`column.${column}`)})`
  const choice = /^[a-z_]+\.(\d+)(?:\.(\w+))?$/.exec(field.id)
  if (!choice) return field.paper
  const [, number, candidate] = choice
  if (!candidate) return `${field.paper}.${number}`
  if (candidate === 'party' || candidate === 'total') return `${field.paper}.${number} (${say(`column.${candidate}`)})`
  return `${field.paper}.${number}.${candidate}`
}

function partsOf(form: Form, rule: Rule, figures: Figures): string {
  if (rule.left.length > PARTS_NAMED_MAX) {
    const first = nameOf(form.fields[rule.left[0] ?? 0])
    const last = nameOf(form.fields[rule.left.at(-1) ?? 0])
    return say('rule.many-parts', { count: rule.left.length, first, last })
  }
  return rule.left.map((position) => `${nameOf(form.fields[position])} ${figures[position] ?? '–'}`).join(' + ')
}
