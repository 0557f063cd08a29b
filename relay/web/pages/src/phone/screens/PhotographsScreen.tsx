// Photographing the pages: camera or gallery, page by page, with warnings that never refuse.

import { useSignal } from '@preact/signals'
import { Notice } from '../../look/Notice'
import { Screen } from '../../look/Screen'
import { size } from '../../look/units'
import type { Form } from '../../protocol/forms'
import { say } from '../../words/words'
import type { Engine, Page } from '../engine/types'
import { useDraft, useEngine } from './context'
import { explainError } from './explainError'
import { Opening } from './Opening'
import * as places from './places'
import { Thumbnail } from './Thumbnail'

export function PhotographsScreen({ tps, form }: { tps: string; form: Form }) {
  const engine = useEngine()
  const { draft, problem } = useDraft(tps, form.code)
  const busy = useSignal<string | null>(null)
  const failed = useSignal<string | null>(null)
  if (!draft) return <Opening title={say('form.pages')} back={places.form(tps, form.code)} problem={problem} />
  const numbers = Array.from({ length: form.pages }, (_, at) => at + 1)
  const work = async (words: string, task: () => Promise<unknown>) => {
    busy.value = words
    failed.value = null
    try {
      await task()
    } catch (error) {
      failed.value = explainError(error)
    }
    busy.value = null
  }
  const take = (from: number, files: File[]) =>
    work(say('photo.keeping'), () => addAll(engine, tps, form, from, files, draft.pages))
  const swap = (one: number, other: number) =>
    work(say('photo.swapping'), () => engine.swapPages(tps, form.code, one, other))
  return (
    <Screen
      keepPlace
      title={say('form.pages')}
      above={`${places.tpsName(tps)} · ${form.name}`}
      back={places.form(tps, form.code)}
      actions={
        <a class="button main grow" href={places.review(tps, form.code)}>
          {say('form.review')}
        </a>
      }
    >
      <p>{say('photo.how', { all: form.pages })}</p>
      <p class="visually-hidden" role="status">
        {busy.value ?? say('form.pages-of', { count: draft.pages.length, all: form.pages })}
      </p>
      {failed.value && (
        <Notice tone="bad" live="alert">
          <p>{failed.value}</p>
        </Notice>
      )}
      <ol class="pages">
        {numbers.map((number) => (
          <PageCard
            key={number}
            number={number}
            of={form.pages}
            page={draft.pages.find((page) => page.number === number) ?? null}
            busy={busy.value}
            onTake={(files) => void take(number, files)}
            onRemove={() => void work(say('photo.removing'), () => engine.removePage(tps, form.code, number))}
            onSwap={(other) => void swap(number, other)}
          />
        ))}
      </ol>
    </Screen>
  )
}

/** Puts the files on page `from` and on the pages behind it that are free. */
async function addAll(engine: Engine, tps: string, form: Form, from: number, files: File[], there: Page[]) {
  const taken = new Set(there.map(({ number }) => number))
  let number = from
  for (const file of files) {
    if (number > form.pages) return
    await engine.addPage(tps, form.code, number, file)
    do number += 1
    while (taken.has(number))
  }
}

interface CardProps {
  number: number
  of: number
  page: Page | null
  busy: string | null
  onTake: (files: File[]) => void
  onRemove: () => void
  onSwap: (other: number) => void
}

function PageCard({ number, of, page, busy, onTake, onRemove, onSwap }: CardProps) {
  const title = say('photo.page', { number, all: of })
  return (
    <li class="card page-card">
      <h2>{title}</h2>
      {page && (
        <div class="page-shown">
          <Thumbnail document={page.document} label={title} />
          <p class="soft">
            {page.fileName}
            <br />
            {size(page.sizeBytes)}
          </p>
        </div>
      )}
      {page?.warnings.map((warning) => (
        <Notice key={warning} tone="wait">
          <p>{say(`warning.${warning}`)}</p>
        </Notice>
      ))}
      {page && page.warnings.length > 0 && <p class="soft">{say('photo.keep')}</p>}
      <div class="row">
        <Picker
          words={say(page ? 'photo.again' : 'photo.camera')}
          camera
          main={!page}
          disabled={!!busy}
          page={title}
          onTake={onTake}
        />
        <Picker words={say('photo.gallery')} disabled={!!busy} page={title} onTake={onTake} />
      </div>
      {page && (
        <div class="row">
          {[number - 1, number + 1]
            .filter((other) => other >= 1 && other <= of)
            .map((other) => (
              <button key={other} type="button" disabled={!!busy} onClick={() => onSwap(other)}>
                <span aria-hidden="true">↔</span>
                <span class="visually-hidden">{say('photo.swap-with')}</span>{' '}
                {say('photo.page-short', { number: other })}
              </button>
            ))}
          <button type="button" disabled={!!busy} onClick={onRemove}>
            {say('photo.remove')}
          </button>
        </div>
      )}
    </li>
  )
}

interface PickerProps {
  words: string
  page: string
  camera?: boolean
  main?: boolean
  disabled: boolean
  onTake: (files: File[]) => void
}

/** A file input that looks like a button. The camera takes one picture; the gallery may give several pages at once. */
function Picker({ words, page, camera = false, main = false, disabled, onTake }: PickerProps) {
  return (
    <label class={main ? 'button main picker' : 'button picker'}>
      {words}
      <input
        type="file"
        accept={camera ? 'image/*' : 'image/*,application/pdf'}
        capture={camera ? 'environment' : undefined}
        multiple={!camera}
        disabled={disabled}
        aria-label={`${words}, ${page}`}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])]
          event.currentTarget.value = '' // the same file may be chosen again
          if (files.length > 0) onTake(files)
        }}
      />
    </label>
  )
}
