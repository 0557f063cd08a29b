// What a draft still lacks and what comes next, from facts alone: no engine, no screen.

import { type Form, flags, INCOMPLETE } from '../../protocol/forms'
import type { Figures } from '../../protocol/rules'
import type { Draft, Item } from '../engine/types'
import type { Sheet } from './sheets'

export type Mark = 'untouched' | 'partly' | 'blank' | 'broken' | 'done'

/** Rules that the figures break and that nobody has said are so on the paper. Soft ones are only shown. */
export function openFlags(form: Form, draft: Pick<Draft, 'figures' | 'kept'>): string[] {
  const soft = form.rules.filter((rule) => rule.soft).map(({ id }) => id)
  return flags(form, draft.figures).filter((flag) => !draft.kept.includes(flag) && !soft.includes(flag))
}

export const isEmpty = (figures: Figures): boolean => figures.every((figure) => figure === null)

/** How a sheet stands: what the index of a form shows beside it. */
export function markOf(form: Form, draft: Draft, sheet: Sheet): Mark {
  const blanks = blanksOf(draft.figures, sheet)
  if (blanks === sheet.positions.length) return 'untouched'
  const open = openFlags(form, draft)
  if (form.rules.some((rule) => open.includes(rule.id) && touches(rule, sheet))) return 'broken'
  if (blanks === 0) return 'done'
  return draft.kept.includes(INCOMPLETE) ? 'blank' : 'partly'
}

export const blanksOf = (figures: Figures, sheet: Sheet): number =>
  sheet.positions.filter((position) => figures[position] === null).length

/** Whether a rule speaks of a figure on this sheet. */
export const touches = (rule: { left: readonly number[]; right: number }, sheet: Sheet): boolean =>
  rule.left.some((position) => sheet.positions.includes(position)) || sheet.positions.includes(rule.right)

/** The newest item of a kind for one form of one station. */
export const newest = (items: Item[], kind: Item['kind'], tps: string, form: number): Item | null =>
  items
    .filter((item) => item.kind === kind && item.tps === tps && item.form === form)
    .reduce<Item | null>((best, item) => (best === null || isLater(item, best) ? item : best), null)

/** What will never count gives way to what was signed in its place. */
const isLater = (one: Item, other: Item): boolean =>
  one.revision > other.revision || (one.revision === other.revision && isVoid(other) && !isVoid(one))

/** Whether it will never count: the centre refused it, or no relay takes it, since its key was revoked. */
export const isVoid = ({ receipt, slip, trouble }: Item): boolean =>
  receipt ? receipt.verdict === 'refused' : !slip && trouble?.code === 'signer-revoked'

/** Whether the draft's figures say something that was not signed yet, or not in a way that counts. */
export const figuresToSign = (draft: Draft, signed: Item | null): boolean =>
  !isEmpty(draft.figures) && !(signed && !isVoid(signed) && saysFigures(signed, draft))

/** Whether the draft's pages are others than those signed. */
export const pagesToSign = (draft: Draft, signed: Item | null): boolean =>
  draft.pages.length > 0 && !(signed && !isVoid(signed) && same(draft.pages.map(pageKey), signed.pages.map(pageKey)))

const saysFigures = ({ figures }: Item, draft: Draft): boolean => figures !== null && same(draft.figures, figures)

const pageKey = (page: { number: number; document: string }): string => `${page.number}:${page.document}`

const same = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.length === other.length && one.every((value, at) => value === other[at])

export interface FormStanding {
  form: Form
  draft: Draft | null
  tally: Item | null
  documents: Item | null
}

export type NextKind = 'mend' | 'fill' | 'go-on' | 'review' | 'photograph' | 'photograph-more' | 'sign-pages'

export interface Next {
  kind: NextKind
  form: Form
}

/** What one form asks of the officer now; null when only waiting is left. */
export function nextOf({ form, draft, tally, documents }: FormStanding): NextKind | null {
  if (tally && isVoid(tally) && (!draft || saysFigures(tally, draft))) return 'mend'
  if (draft && figuresToSign(draft, tally))
    return draft.figures.includes(null) && !draft.kept.includes(INCOMPLETE) ? 'go-on' : 'review'
  if (!tally) return 'fill'
  const pages = draft && pagesToSign(draft, documents) ? draft.pages.length : 0
  if (pages >= form.pages) return 'sign-pages'
  if (pages > 0) return 'photograph-more'
  return documents && !isVoid(documents) && documents.pages.length >= form.pages ? null : 'photograph'
}

const PHOTOGRAPHS: NextKind[] = ['photograph', 'photograph-more', 'sign-pages']

/** The most useful thing to do at a station: figures of every form before photographs of any. */
export function nextAtStation(standings: FormStanding[]): Next | null {
  const found = standings.flatMap((standing) => {
    const kind = nextOf(standing)
    return kind ? [{ kind, form: standing.form }] : []
  })
  return found.find(({ kind }) => !PHOTOGRAPHS.includes(kind)) ?? found[0] ?? null
}
