// The proof for witnesses: share it, save it, or let another phone read it from the screen.

import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { encode } from 'uqr'
import { explainError } from '../../look/explain'
import { Notice } from '../../look/Notice'
import { Screen } from '../../look/Screen'
import { inFours } from '../../look/units'
import { catalogue } from '../../protocol/forms'
import { say } from '../../words/words'
import { useEngine } from './context'
import * as places from './places'

export function ProofScreen({ id }: { id: string }) {
  const engine = useEngine()
  const item = engine.items.value.find((one) => one.id === id)
  const file = useSignal<File | null>(null)
  const failed = useSignal<string | null>(null)
  const step = item?.step
  useEffect(() => {
    engine.proofFile(id).then(
      (made) => {
        file.value = made
      },
      (error: unknown) => {
        failed.value = explainError(error)
      }
    )
  }, [engine, id, step])
  if (!item) return <Screen title={say('item.unknown')} back={places.home} />
  const share = async (made: File) => {
    try {
      await navigator.share({ files: [made], title: made.name })
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'AbortError')) failed.value = explainError(error)
    }
  }
  const made = file.value
  const shareable = made !== null && 'canShare' in navigator && navigator.canShare({ files: [made] })
  return (
    <Screen
      title={say('proof.title')}
      above={`${places.tpsName(item.tps)} · ${say(`item.${item.kind}`, { form: catalogue.get(item.form)?.name ?? item.form })}`}
      back={places.item(id)}
      actions={
        made && (
          <>
            {shareable && (
              <button type="button" class="main grow" onClick={() => void share(made)}>
                {say('proof.share')}
              </button>
            )}
            <button type="button" class={shareable ? '' : 'main grow'} onClick={() => save(made)}>
              {say('proof.save')}
            </button>
          </>
        )
      }
    >
      {failed.value && (
        <Notice tone="bad" live="alert">
          <p>{failed.value}</p>
        </Notice>
      )}
      <p>{say(`proof.holds-${item.step}`)}</p>
      <QrCode id={id} step={item.step} />
      <p>{say('proof.id')}</p>
      <p class="fingerprint">{inFours(item.id)}</p>
    </Screen>
  )
}

function QrCode({ id, step }: { id: string; step: string }) {
  const engine = useEngine()
  const drawn = useSignal<{ size: number; path: string } | null>(null)
  const failed = useSignal<string | null>(null)
  useEffect(() => {
    engine
      .proofText(id)
      .then((text) => encode(text, { ecc: 'L', border: 4 }))
      .then(
        ({ size, data }) => {
          drawn.value = { size, path: pathOf(data) }
        },
        () => {
          failed.value = say('proof.no-qr')
        }
      )
  }, [engine, id, step])
  if (failed.value) return <p class="soft">{failed.value}</p>
  if (!drawn.value) return null
  const { size, path } = drawn.value
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={say('proof.qr')}
      shape-rendering="crispEdges"
    >
      <path d={path} />
    </svg>
  )
}

/** The dark squares as one path, one stroke for each run in a row. */
function pathOf(rows: boolean[][]): string {
  return rows
    .flatMap((row, y) =>
      row.flatMap((dark, x) => {
        if (!dark || row[x - 1]) return []
        const light = row.indexOf(false, x)
        const run = (light === -1 ? row.length : light) - x
        return [`M${x} ${y}h${run}v1h-${run}z`]
      })
    )
    .join('')
}

function save(file: File): void {
  const address = URL.createObjectURL(file)
  const link = document.createElement('a')
  link.href = address
  link.download = file.name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 60_000) // the browser reads it after the click
}
