// A question that must be answered before one goes on. The browser's own <dialog> keeps the focus inside.

import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { say } from '../words/words'

interface Props {
  title: string
  /** The words of the button that goes on. */
  yes: string
  onYes: () => void
  onNo: () => void
  /** What cannot be undone is asked in red. */
  grave?: boolean
  children?: ComponentChildren
}

export function Dialog({ title, yes, onYes, onNo, grave = false, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const label = useId()
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} aria-labelledby={label} onClose={onNo}>
      <h2 id={label}>{title}</h2>
      {children}
      <div class="row">
        <button type="button" onClick={() => dialog.current?.close()}>
          {say('common.cancel')}
        </button>
        <button type="button" class={grave ? 'grave' : 'main'} onClick={onYes}>
          {yes}
        </button>
      </div>
    </dialog>
  )
}
