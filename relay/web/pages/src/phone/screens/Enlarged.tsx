// A page as large as is of use, to see whether its figures can be read.

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { say } from '../../words/words'
import { drawSmall } from '../engine/shrinking'
import { useEngine } from './context'

/** The whole of a large photograph does not fit a cheap phone's memory. */
const WIDTH = 2000

interface Props {
  document: string
  label: string
  onClose: () => void
}

export function Enlarged({ document: digest, label, onClose }: Props) {
  const engine = useEngine()
  const dialog = useRef<HTMLDialogElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const failed = useSignal(false)
  useEffect(() => dialog.current?.showModal(), [])
  useEffect(() => {
    const draw = async () => {
      const photograph = await engine.photograph(digest)
      if (photograph && canvas.current) await drawSmall(photograph, WIDTH, canvas.current)
    }
    draw().catch(() => {
      failed.value = true
    })
  }, [engine, digest, failed])
  return (
    <dialog ref={dialog} class="enlarged" aria-label={label} onClose={onClose}>
      <button type="button" onClick={() => dialog.current?.close()}>
        {say('common.close')}
      </button>
      {failed.value && <p>{say('warning.cannot-be-shown')}</p>}
      <canvas ref={canvas} role="img" aria-label={label} hidden={failed.value} />
    </dialog>
  )
}
