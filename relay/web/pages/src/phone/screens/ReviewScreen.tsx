// The last look before signing: all figures, what is blank or does not agree, the pages; then one signature.

import { useSignal } from '@preact/signals'
import { Dialog } from '../../look/Dialog'
import { Notice } from '../../look/Notice'
import { go } from '../../look/route'
import { Screen } from '../../look/Screen'
import type { Form } from '../../protocol/forms'
import { holds } from '../../protocol/rules'
import { say } from '../../words/words'
import type { Draft, Item } from '../engine/types'
import { BlankBoxes, BrokenRules } from './BrokenRules'
import { useDraft, useEngine, useHolder } from './context'
import { explainError } from './explainError'
import { DifferenceTable, FiguresTable } from './FiguresTable'
import { Opening } from './Opening'
import * as places from './places'
import { figuresToSign, newest, openFlags, pagesToSign } from './standing'
import { Thumbnail } from './Thumbnail'

export function ReviewScreen({ tps, form }: { tps: string; form: Form }) {
  const engine = useEngine()
  const holder = useHolder()
  const { draft, problem, edit } = useDraft(tps, form.code)
  const asking = useSignal(false)
  const signing = useSignal(false)
  const failed = useSignal<string | null>(null)
  if (!draft) return <Opening title={say('review.title')} back={places.form(tps, form.code)} problem={problem} />
  const tally = newest(engine.items.value, 'tally', tps, form.code)
  const signed = newest(engine.items.value, 'documents', tps, form.code)
  const what = { tally: figuresToSign(draft, tally), documents: pagesToSign(draft, signed) }
  const open = what.tally ? openFlags(form, draft) : []
  const sign = async () => {
    asking.value = false
    signing.value = true
    failed.value = null
    try {
      const [first] = await engine.sign(tps, form.code, what)
      go(first ? places.item(first.id) : places.station(tps), 'replace')
    } catch (error) {
      failed.value = explainError(error)
    }
    signing.value = false
  }
  const ask = () => {
    failed.value = open.length > 0 ? say('review.still-open', { count: open.length }) : null
    if (open[0]) document.querySelector<HTMLElement>(`[data-flag="${open[0]}"]`)?.focus()
    else asking.value = true
  }
  return (
    <Screen
      keepPlace
      title={say('review.title')}
      above={`${places.tpsName(tps)} · ${form.name}`}
      back={places.form(tps, form.code)}
      actions={
        <button
          type="button"
          class="main grow"
          disabled={signing.value || !(what.tally || what.documents)}
          onClick={ask}
        >
          {signing.value ? say('review.signing') : say(buttonWords(what))}
        </button>
      }
    >
      {failed.value && (
        <Notice tone="bad" live="alert">
          <p>{failed.value}</p>
        </Notice>
      )}
      {!what.tally && !what.documents && (
        <Notice>
          <p>{say('review.nothing-to-sign')}</p>
        </Notice>
      )}
      {what.tally && <Doubts form={form} draft={draft} onKeep={(kept) => edit({ kept })} />}
      {what.tally && tally?.figures && <Correction form={form} draft={draft} before={tally} />}
      <PagesShown tps={tps} form={form} draft={draft} changed={what.documents} />
      {what.tally && <FiguresTable form={form} figures={draft.figures} editFor={tps} />}
      {asking.value && (
        <Dialog
          title={say('review.ask', { tps: places.tpsName(tps) })}
          yes={say('review.sign')}
          onYes={() => void sign()}
          onNo={() => (asking.value = false)}
        >
          <p>{say('review.ask-why', { name: holder?.name ?? '', what: say(whatWords(what)) })}</p>
        </Dialog>
      )}
    </Screen>
  )
}

type What = { tally: boolean; documents: boolean }

const whatWords = (what: What): string => {
  if (what.tally && what.documents) return 'review.both'
  return what.tally ? 'review.figures' : 'review.pages'
}

const buttonWords = (what: What): string => (what.tally || what.documents ? `${whatWords(what)}-sign` : 'review.sign')

function Doubts({ form, draft, onKeep }: { form: Form; draft: Draft; onKeep: (kept: string[]) => void }) {
  const broken = form.rules.filter((rule) => holds(rule, draft.figures) === false)
  if (broken.length === 0 && !draft.figures.includes(null)) {
    return (
      <Notice tone="good">
        <p>{say('review.all-agree')}</p>
      </Notice>
    )
  }
  return (
    <section>
      <h2>{say('review.doubts')}</h2>
      {openFlags(form, draft).length > 0 && <p class="soft">{say('review.doubts-why')}</p>}
      <BlankBoxes draft={draft} onKeep={onKeep} />
      <BrokenRules form={form} draft={draft} rules={broken} onKeep={onKeep} />
    </section>
  )
}

function Correction({ form, draft, before }: { form: Form; draft: Draft; before: Item }) {
  return (
    <section class="card">
      <h2>{say('review.correction', { revision: draft.revision })}</h2>
      <DifferenceTable form={form} before={before.figures ?? []} after={draft.figures} />
    </section>
  )
}

function PagesShown({ tps, form, draft, changed }: { tps: string; form: Form; draft: Draft; changed: boolean }) {
  const missing = form.pages - draft.pages.length
  return (
    <section class="card">
      <div class="row apart">
        <h2>{say('form.pages')}</h2>
        <a class="button" href={places.photographs(tps, form.code)} aria-label={say('review.change-pages')}>
          {say('review.change')}
        </a>
      </div>
      {changed && draft.documentsRevision > 1 && (
        <p>{say('review.correction', { revision: draft.documentsRevision })}</p>
      )}
      {missing > 0 && <p>{say('review.pages-missing', { count: missing, all: form.pages })}</p>}
      <div class="strip">
        {draft.pages.map((page) => (
          <Thumbnail
            key={page.document}
            document={page.document}
            label={say('photo.page', { number: page.number, all: form.pages })}
          />
        ))}
      </div>
    </section>
  )
}
