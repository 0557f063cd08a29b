// A page at its full size, to see whether its figures can be read.

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { say } from '../../words/words'
import { useEngine } from './context'

interface Props {
  document: string
  label: string
  onClose: () => void
}

export function Enlarged({ document: digest, label, onClose }: Props) {
  const engine = useEngine()
  const dialog = useRef<HTMLDialogElement>(null)
  const address = useSignal<string | null>(null)
  useEffect(() => dialog.current?.showModal(), [])
  useEffect(() => {
    let here = true
    void engine.photograph(digest).then((blob) => {
      if (here && blob) address.value = URL.createObjectURL(blob)
    })
    return () => {
      here = false
      if (address.value) URL.revokeObjectURL(address.value)
    }
  }, [engine, digest, address])
  return (
    <dialog ref={dialog} class="enlarged" aria-label={label} onClose={onClose}>
      <button type="button" onClick={() => dialog.current?.close()}>
        {say('common.close')}
      </button>
      {address.value && <img src={address.value} alt={label} />}
    </dialog>
  )
}
