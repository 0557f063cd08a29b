// All figures of a form to be read against the paper; with an earlier revision beside them, what changed is shown.

import { nameOf } from '../../look/sentences'
import type { Form } from '../../protocol/forms'
import type { Figures } from '../../protocol/rules'
import { say } from '../../words/words'
import * as places from './places'
import { partTitle, type Row, type Sheet, sheetsOf, sheetTitle } from './sheets'

interface Props {
  form: Form
  figures: Figures
  /** Where to change them; nothing to press without. */
  editFor?: string | undefined
}

export function FiguresTable({ form, figures, editFor }: Props) {
  return (
    <>
      {sheetsOf(form).map((sheet) => (
        <section key={sheet.id} class="card">
          <div class="row apart">
            <h2>{sheet.party === null ? partTitle(form, sheet.part) : sheetTitle(form, sheet)}</h2>
            {editFor && (
              <a
                class="button"
                href={places.sheet(editFor, form.code, sheet.id)}
                aria-label={say('review.change-part', { part: sheet.id })}
              >
                {say('review.change')}
              </a>
            )}
          </div>
          <SheetTable sheet={sheet} figures={figures} />
        </section>
      ))}
    </>
  )
}

function SheetTable({ sheet, figures }: { sheet: Sheet; figures: Figures }) {
  const people = sheet.rows.filter((row) => row.cells.length > 1)
  const singles = sheet.rows.filter((row) => row.cells.length === 1)
  const [first] = people
  return (
    <>
      {first && (
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">{say('review.row')}</th>
              {first.cells.map((cell) => (
                <th key={cell.position} scope="col">
                  {cell.heading}
                </th>
              ))}
            </tr>
          </thead>
          <Rows rows={people} figures={figures} />
        </table>
      )}
      {singles.length > 0 && (
        <table class="figures">
          <Rows rows={singles} figures={figures} />
        </table>
      )}
    </>
  )
}

const Rows = ({ rows, figures }: { rows: Row[]; figures: Figures }) => (
  <tbody>
    {rows.map((row) => (
      <tr key={row.cells[0]?.position}>
        <th scope="row">
          {row.paper && <span class="paper-number">{row.paper}</span>} {row.short}
        </th>
        {row.cells.map(({ position }) => (
          <td key={position}>
            <Value figure={figures[position] ?? null} />
          </td>
        ))}
      </tr>
    ))}
  </tbody>
)

function Value({ figure }: { figure: number | null }) {
  return figure === null ? <em class="blank">{say('review.blank')}</em> : String(figure)
}

/** Only what differs between two revisions, field by field. */
export function DifferenceTable({ form, before, after }: { form: Form; before: Figures; after: Figures }) {
  const changed = form.fields.filter(({ position }) => before[position] !== after[position])
  if (changed.length === 0) return <p>{say('review.nothing-changed')}</p>
  return (
    <table class="figures">
      <thead>
        <tr>
          <th scope="col">{say('review.row')}</th>
          <th scope="col">{say('review.before')}</th>
          <th scope="col">{say('review.after')}</th>
        </tr>
      </thead>
      <tbody>
        {changed.map((field) => (
          <tr key={field.id}>
            <th scope="row">{nameOf(field)}</th>
            <td>
              <Value figure={before[field.position] ?? null} />
            </td>
            <td class="changed">
              <Value figure={after[field.position] ?? null} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
