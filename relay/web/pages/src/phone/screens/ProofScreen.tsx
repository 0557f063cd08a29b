// The proof for witnesses: share it, save it, or let another phone read it from the screen.

import { useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { encode } from 'uqr'
import { Notice } from '../../look/Notice'
import { Screen } from '../../look/Screen'
import { inFours } from '../../look/units'
import { catalogue } from '../../protocol/forms'
import { say } from '../../words/words'
import { useEngine } from './context'
import { explainError } from './explainError'
import * as places from './places'

interface Proof {
  file: File | null
  /** The same in short, for a QR code or a message. */
  text: string | null
  failed: string | null
  /** Why there is no text; the file is then all there is. */
  textFailed: string | null
}

/** The proof of an item as it is now: each step adds to it. */
function useProof(id: string, step: string | undefined): Proof {
  const engine = useEngine()
  const proof = useSignal<Proof>({ file: null, text: null, failed: null, textFailed: null })
  useEffect(() => {
    let here = step !== undefined
    const add = (change: Partial<Proof>) => {
      if (here) proof.value = { ...proof.value, ...change }
    }
    engine.proofFile(id).then(
      (file) => add({ file }),
      (error: unknown) => add({ failed: explainError(error) })
    )
    engine.proofText(id).then(
      (text) => add({ text }),
      (error: unknown) => add({ textFailed: explainError(error) })
    )
    return () => {
      here = false
    }
  }, [engine, id, step, proof])
  return proof.value
}

export function ProofScreen({ id }: { id: string }) {
  const engine = useEngine()
  const item = engine.items.value.find((one) => one.id === id)
  const { file, text, failed, textFailed } = useProof(id, item?.step)
  const notShared = useSignal<string | null>(null)
  if (!item) return <Screen title={say('item.unknown')} back={places.home} />
  const form = catalogue.get(item.form)?.name ?? item.form
  const offer = offerOf(file, text)
  const share = (data: ShareData) =>
    navigator.share(data).catch((error: unknown) => {
      if (!(error instanceof DOMException && error.name === 'AbortError')) notShared.value = explainError(error)
    })
  const problem = failed ?? notShared.value
  return (
    <Screen
      title={say('proof.title')}
      above={`${places.tpsName(item.tps)} · ${say(`item.${item.kind}`, { form })}`}
      back={places.item(id)}
      actions={
        file && (
          <>
            <button type="button" class={offer ? '' : 'main grow'} onClick={() => save(file)}>
              {say('proof.save')}
            </button>
            {offer && (
              <button type="button" class="main grow" onClick={() => void share(offer)}>
                {say('proof.share')}
              </button>
            )}
          </>
        )
      }
    >
      {problem && (
        <Notice tone="bad" live="alert">
          <p>{problem}</p>
        </Notice>
      )}
      <p>{say(`proof.holds-${item.step}`)}</p>
      {text && <QrCode text={text} />}
      {textFailed && <p class="soft">{textFailed}</p>}
      <p>{say('proof.id')}</p>
      <p class="fingerprint">{inFours(item.id)}</p>
    </Screen>
  )
}

/** What this browser can share: the file, or its text, since Chrome for Android shares no ZIP files. */
function offerOf(file: File | null, text: string | null): ShareData | null {
  if (!('share' in navigator) || !file) return null
  const whole = { files: [file], title: file.name }
  if (navigator.canShare?.(whole)) return whole
  return text ? { title: file.name, text } : null
}

function QrCode({ text }: { text: string }) {
  const drawn = useMemo(() => draw(text), [text])
  if (!drawn) return <p class="soft">{say('proof.no-qr')}</p>
  const { size, path } = drawn
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

/** Null if the text does not fit the largest QR code. */
function draw(text: string): { size: number; path: string } | null {
  try {
    const { size, data } = encode(text, { ecc: 'L', border: 4 })
    return { size, path: pathOf(data) }
  } catch {
    return null
  }
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
