// The arithmetic of a form: rules over its figures, and what they say. Rules never refuse: the paper is what it is.

/** In the form's order; null is a blank box, which is not zero. */
export type Figures = readonly (number | null)[]

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

/** A rule as TOML gives it. */
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

/** The rule in one document, by the positions of the figures' names; a name that no figure has is an Error. */
export function readRule(rule: RuleDocument, positions: ReadonlyMap<string, number>): Rule {
  const names = rule.kind === 'sum' ? (rule.parts ?? []) : [rule.left ?? '']
  const right = rule.kind === 'sum' ? rule.total : rule.right
  return {
    id: rule.id,
    kind: rule.kind,
    left: names.flatMap((name) => named(name, positions)),
    right: rule.kind === 'limit' ? -1 : (named(right ?? '', positions)[0] ?? -1),
    percent: rule.percent ?? 0,
    tolerance: rule.tolerance ?? 0,
    limit: rule.limit ?? 0,
    soft: rule.soft ?? false
  }
}

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

function keeps(rule: Rule, left: number, right: number): boolean {
  if (rule.kind === 'sum' || rule.kind === 'equal') return left === right
  if (rule.kind === 'about') return Math.abs(left * 100 - right * (100 + rule.percent)) <= rule.tolerance * 100
  return left <= right
}

/** `votes.*` and `votes.*.total` stand for every figure of that shape; other names for themselves. */
function named(pattern: string, positions: ReadonlyMap<string, number>): number[] {
  const [start = '', end] = pattern.split('*')
  const fits = (id: string) => (end === undefined ? id === pattern : id.startsWith(start) && id.endsWith(end))
  const found = [...positions].filter(([id]) => fits(id)).map(([, position]) => position)
  if (found.length === 0) throw new Error(`no figure is called ${pattern}`)
  return found
}
