// The figures of one tally, or of several side by side with what differs marked, in the order of the paper.
import { Notice } from '../../look/Notice'
import { sentence } from '../../look/sentences'
import type { Form } from '../../protocol/forms'
import { type Figures, holds } from '../../protocol/rules'
import { language, say } from '../../words/words'
import { type Column, differences } from './differences'

interface Props {
  form: Form
  columns: Column[]
  /** Positions to show; without it, all. */
  only?: Set<number>
}

export function FiguresTable({ form, columns, only }: Props) {
  const different = columns.length > 1 ? differences(columns) : new Set<number>()
  return (
    <table class="figures">
      <thead>
        <tr>
          <th scope="col">{say('totals.paper')}</th>
          <th scope="col">{say('totals.field')}</th>
          {columns.map((column) => (
            <th key={column.name} scope="col" class="figure">
              {column.name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {form.fields.map((field, position) =>
          !only || only.has(position) ? (
            <tr key={field.id} class={different.has(position) ? 'different' : ''}>
              <td>{field.paper}</td>
              <th scope="row">
                {language.value === 'id' ? field.label : field.labelEn}
                {different.has(position) && <span class="visually-hidden"> {say('resolve.differs')}</span>}
              </th>
              {columns.map((column) => (
                <td key={column.name} class="figure">
                  {column.figures[position] ?? <span class="soft">{say('figures.blank')}</span>}
                </td>
              ))}
            </tr>
          ) : null
        )}
      </tbody>
    </table>
  )
}

/** The rules that figures break, each in a sentence with its numbers. */
export function BrokenRules({ form, figures }: { form: Form; figures: Figures }) {
  const broken = form.rules.filter((rule) => holds(rule, figures) === false)
  if (broken.length === 0) return null
  return (
    <Notice tone="wait">
      <ul>
        {broken.map((rule) => (
          <li key={rule.id}>{sentence(form, rule, figures)}</li>
        ))}
      </ul>
    </Notice>
  )
}
