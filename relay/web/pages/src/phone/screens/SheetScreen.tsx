// Entering one part of the paper (or one party): its boxes, its sums, and what does not agree.

import { useId } from 'preact/hooks'
import { go } from '../../look/route'
import { Screen } from '../../look/Screen'
import { nameOf, PARTS_NAMED_MAX } from '../../look/sentences'
import type { Form } from '../../protocol/forms'
import { type Figures, holds, judge, type Rule } from '../../protocol/rules'
import { say } from '../../words/words'
import type { Draft } from '../engine/types'
import { BrokenRules } from './BrokenRules'
import { useDraft } from './context'
import { Figure } from './Figure'
import { Opening } from './Opening'
import * as places from './places'
import { type Row, sheetName, sheetsOf, sheetTitle } from './sheets'
import { touches } from './standing'

interface Props {
  tps: string
  form: Form
  id: string
}

export function SheetScreen({ tps, form, id }: Props) {
  const { draft, problem, edit } = useDraft(tps, form.code)
  const sheets = sheetsOf(form)
  const at = Math.max(
    0,
    sheets.findIndex((sheet) => sheet.id === id)
  )
  const sheet = sheets[at]
  if (!sheet || !draft) return <Opening title={form.name} back={places.form(tps, form.code)} problem={problem} />
  const broken = form.rules.filter((rule) => touches(rule, sheet) && holds(rule, draft.figures) === false)
  const doubtful = new Set(
    broken.filter(({ id, soft }) => !soft && !draft.kept.includes(id)).flatMap(({ left, right }) => [...left, right])
  )
  const next = sheets[at + 1]
  const back = places.form(tps, form.code)
  return (
    <Screen
      title={sheetTitle(form, sheet)}
      above={`${places.tpsName(tps)} · ${form.name} · ${at + 1}/${sheets.length}`}
      back={back}
      actions={
        <>
          {at > 0 && (
            <button type="button" onClick={() => go(places.sheet(tps, form.code, sheets[at - 1]?.id ?? ''))}>
              <span aria-hidden="true">‹</span>
              <span class="visually-hidden">{say('fill.previous')}</span>
            </button>
          )}
          <button
            type="button"
            class="main grow"
            onClick={() => go(next ? places.sheet(tps, form.code, next.id) : back)}
          >
            {next ? say('fill.next', { sheet: sheetName(next) }) : say('fill.all-parts')}
          </button>
        </>
      }
    >
      {problem && <p class="notice bad">{problem}</p>}
      {sheet.rows.map((row) => (
        <FigureRow
          key={row.cells[0]?.position}
          row={row}
          form={form}
          draft={draft}
          doubtful={doubtful}
          onChange={(position, value) => edit({ figures: replaced(draft.figures, position, value) })}
        />
      ))}
      <div aria-live="polite">
        {broken.length > 0 && (
          <section aria-label={say('fill.does-not-agree')}>
            <h2>{say('fill.does-not-agree')}</h2>
            <BrokenRules form={form} draft={draft} rules={broken} onKeep={(kept) => edit({ kept })} />
          </section>
        )}
      </div>
    </Screen>
  )
}

interface RowProps {
  row: Row
  form: Form
  draft: Draft
  doubtful: Set<number>
  onChange: (position: number, value: number | null) => void
}

function FigureRow({ row, form, draft, doubtful, onChange }: RowProps) {
  const sums = useId()
  const wide = row.cells.length > 1
  return (
    <section class={wide ? 'figure-row wide' : 'figure-row'} aria-label={row.label}>
      <p class="row-label">
        {row.paper && <span class="paper-number">{row.paper}</span>} {row.short}
      </p>
      <div class="cells">
        {row.cells.map(({ position, heading }) => (
          <div key={position} class="cell">
            {wide && (
              <span class="cell-heading soft" aria-hidden="true">
                {heading}
              </span>
            )}
            <Figure
              label={wide ? `${row.label}, ${heading}` : row.label}
              value={draft.figures[position] ?? null}
              doubtful={doubtful.has(position)}
              describedBy={sums}
              onChange={(value) => onChange(position, value)}
            />
          </div>
        ))}
      </div>
      <div id={sums} class="sums">
        {row.cells.map(({ position }) => (
          <Sums key={position} form={form} figures={draft.figures} position={position} />
        ))}
      </div>
    </section>
  )
}

/** What the boxes before a total add up to, as far as they are filled in. */
function Sums({ form, figures, position }: { form: Form; figures: Figures; position: number }) {
  const rules = form.rules.filter((rule) => rule.kind === 'sum' && rule.right === position)
  return (
    <>
      {rules.map((rule) => {
        const filled = rule.left.filter((at) => figures[at] !== null)
        if (filled.length === 0) return null
        const sum = filled.reduce((total, at) => total + (figures[at] ?? 0), 0)
        const { holds: agrees } = judge(rule, figures)
        const tone = agrees === null ? 'soft' : agrees ? 'agrees' : 'differs'
        return (
          <span key={rule.id} class={`sum ${tone}`}>
            {say(`sum.${sumName(rule)}`, { sum, parts: partNames(form, rule) })}{' '}
            {agrees === null ? '' : agrees ? '✓' : '≠'}
          </span>
        )
      })}
    </>
  )
}

/** Words for a sum: L + P beside a row's total, the parts of a column below it. */
function sumName({ id, left }: Rule): string {
  if (id.endsWith('-lp')) return 'men-and-women'
  const column = /-sum-([lpj])$/.exec(id)?.[1]
  if (column) return `column-${column}`
  return left.length <= PARTS_NAMED_MAX ? 'named' : 'parts'
}

const partNames = (form: Form, rule: Rule): string => rule.left.map((at) => nameOf(form.fields[at])).join(' + ')

const replaced = (figures: Figures, position: number, value: number | null): Figures =>
  figures.map((figure, at) => (at === position ? value : figure))
