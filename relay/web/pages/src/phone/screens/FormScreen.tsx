// One form of one station: its parts and how each stands, its photographs, and what comes next.

import { useSignal } from '@preact/signals'
import { Dialog } from '../../look/Dialog'
import { Mark } from '../../look/Mark'
import { Notice, type Tone } from '../../look/Notice'
import { go } from '../../look/route'
import { Screen } from '../../look/Screen'
import type { Form } from '../../protocol/forms'
import { say } from '../../words/words'
import type { Draft } from '../engine/types'
import { useDraft, useEngine } from './context'
import { Opening } from './Opening'
import * as places from './places'
import { partTitle, type Sheet, sheetName, sheetsOf, titleOf } from './sheets'
import { blanksOf, figuresToSign, type Mark as MarkName, markOf, newest, pagesToSign } from './standing'

const TONES: Record<MarkName, Tone> = {
  untouched: 'plain',
  partly: 'wait',
  blank: 'good',
  broken: 'wait',
  done: 'good'
}

export function FormScreen({ tps, form }: { tps: string; form: Form }) {
  const engine = useEngine()
  const { draft, problem } = useDraft(tps, form.code)
  const asking = useSignal(false)
  if (!draft) return <Opening title={form.name} back={places.station(tps)} problem={problem} />
  const sheets = sheetsOf(form)
  const tally = newest(engine.items.value, 'tally', tps, form.code)
  const documents = newest(engine.items.value, 'documents', tps, form.code)
  const open = tally && !figuresToSign(draft, tally) ? [] : sheets // what was signed as it is stays so
  const unfinished = open.find((sheet) => ['untouched', 'partly', 'broken'].includes(markOf(form, draft, sheet)))
  const signable = figuresToSign(draft, tally) || pagesToSign(draft, documents)
  const discard = () => {
    void engine.discard(tps, form.code)
    go(places.station(tps), 'replace')
  }
  return (
    <Screen
      keepPlace
      title={form.name}
      above={`${places.tpsName(tps)} · ${titleOf(form)}`}
      back={places.station(tps)}
      actions={<Actions tps={tps} form={form} draft={draft} unfinished={unfinished} signable={signable} />}
    >
      {tally && (
        <Notice>
          <p>{say('form.correction', { revision: draft.revision })}</p>
          <a href={places.item(tally.id)}>{say('form.see-signed')}</a>
        </Notice>
      )}
      <Index tps={tps} form={form} draft={draft} sheets={sheets} />
      {signable && (
        <button type="button" class="quiet" onClick={() => (asking.value = true)}>
          {say('form.discard')}
        </button>
      )}
      {asking.value && (
        <Dialog
          title={say('form.discard-title')}
          yes={say('form.discard')}
          grave
          onYes={discard}
          onNo={() => (asking.value = false)}
        >
          <p>{say('form.discard-why')}</p>
        </Dialog>
      )}
    </Screen>
  )
}

interface ActionsProps {
  tps: string
  form: Form
  draft: Draft
  unfinished: Sheet | undefined
  signable: boolean
}

interface Way {
  address: string
  words: string
}

/** On the right what comes next; on the left signing what there is already. */
function Actions({ tps, form, draft, unfinished, signable }: ActionsProps) {
  const review: Way = { address: places.review(tps, form.code), words: say('form.review') }
  const back: Way = { address: places.station(tps), words: say('item.to-station', { tps: places.tpsName(tps) }) }
  const main = wayOn(tps, form, draft, unfinished) ?? (signable ? review : back)
  return (
    <>
      {signable && main !== review && (
        <a class="button" href={review.address}>
          {review.words}
        </a>
      )}
      <a class="button main grow" href={main.address}>
        {main.words}
      </a>
    </>
  )
}

function wayOn(tps: string, form: Form, draft: Draft, unfinished: Sheet | undefined): Way | null {
  if (unfinished) {
    const words = say('form.fill', { sheet: sheetName(unfinished) })
    return { address: places.sheet(tps, form.code, unfinished.id), words }
  }
  if (draft.pages.length >= form.pages) return null
  return { address: places.photographs(tps, form.code), words: say('form.photograph') }
}

interface IndexProps {
  tps: string
  form: Form
  draft: Draft
  sheets: Sheet[]
}

function Index({ tps, form, draft, sheets }: IndexProps) {
  const parts = [...new Set(sheets.map(({ part }) => part))]
  return (
    <ul class="index">
      {parts.map((part) => {
        const own = sheets.filter((sheet) => sheet.part === part)
        const [first] = own
        if (!first) return null
        return (
          <li key={part}>
            {first.party === null ? (
              <SheetLink tps={tps} form={form} draft={draft} sheet={first} title={partTitle(form, part)} />
            ) : (
              <Parties tps={tps} form={form} draft={draft} sheets={own} title={partTitle(form, part)} />
            )}
          </li>
        )
      })}
      <li>
        <a class="index-link" href={places.photographs(tps, form.code)}>
          <span>{say('form.pages')}</span>
          <Mark tone={draft.pages.length >= form.pages ? 'good' : draft.pages.length > 0 ? 'wait' : 'plain'}>
            {say('form.pages-of', { count: draft.pages.length, all: form.pages })}
          </Mark>
        </a>
      </li>
    </ul>
  )
}

type SheetLinkProps = { tps: string; form: Form; draft: Draft; sheet: Sheet; title: string }

function SheetLink({ tps, form, draft, sheet, title }: SheetLinkProps) {
  const mark = markOf(form, draft, sheet)
  return (
    <a class="index-link" href={places.sheet(tps, form.code, sheet.id)}>
      <span>{title}</span>
      <Mark tone={TONES[mark]}>{say(`mark.${mark}`, { count: blanksOf(draft.figures, sheet) })}</Mark>
    </a>
  )
}

/** Eighteen parties in a grid: number, total, mark; one press opens one party. */
function Parties({ tps, form, draft, sheets, title }: IndexProps & { title: string }) {
  const done = sheets.filter((sheet) => TONES[markOf(form, draft, sheet)] === 'good').length
  return (
    <details open>
      <summary class="index-link">
        <span>{title}</span>
        <Mark tone={done === sheets.length ? 'good' : 'plain'}>
          {say('form.parties-of', { count: done, all: sheets.length })}
        </Mark>
      </summary>
      <ul class="parties">
        {sheets.map((sheet) => {
          const mark = markOf(form, draft, sheet)
          const total = draft.figures[sheet.positions.at(-1) ?? 0] ?? null
          return (
            <li key={sheet.id}>
              <a class={`party ${TONES[mark]}`} href={places.sheet(tps, form.code, sheet.id)}>
                <span class="visually-hidden">{say('fill.party-short', { number: sheet.party ?? '' })}: </span>
                <strong aria-hidden="true">{sheet.party}</strong>
                <span>{total ?? '–'}</span>
                <span class="visually-hidden">, {say(`mark.${mark}`, { count: blanksOf(draft.figures, sheet) })}</span>
              </a>
            </li>
          )
        })}
      </ul>
    </details>
  )
}
