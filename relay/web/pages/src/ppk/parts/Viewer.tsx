// One photograph as large as the screen, larger still at a press, and the pages before and after it.
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { say } from '../../words/words'
import { type Shown, sourceOf } from './shown'

interface Props {
  pages: Shown[]
  first: number
  onClose: () => void
}

export function Viewer({ pages, first, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [at, setAt] = useState(first)
  const [isLarge, setIsLarge] = useState(false)
  useLayoutEffect(() => dialog.current?.showModal(), [])
  const page = pages[at]
  if (!page) return null
  const name = say('page.name', { page: page.page })
  const turn = (by: number): void => setAt(Math.min(pages.length - 1, Math.max(0, at + by)))
  return (
    <dialog
      ref={dialog}
      class="viewer"
      aria-label={name}
      onClose={onClose}
      onKeyDown={({ key }) => turn(Number(key === 'ArrowRight') - Number(key === 'ArrowLeft'))}
    >
      <div class="viewer-bar">
        <strong aria-live="polite">{name}</strong>
        <button type="button" disabled={at === 0} onClick={() => turn(-1)} aria-label={say('page.before')}>
          ‹
        </button>
        <button type="button" disabled={at === pages.length - 1} onClick={() => turn(1)} aria-label={say('page.after')}>
          ›
        </button>
        <button type="button" aria-pressed={isLarge} onClick={() => setIsLarge(!isLarge)}>
          {say('page.zoom')}
        </button>
        <a class="button" href={sourceOf(page)} download={`${page.document.slice(0, 8)}-${page.page}`}>
          {say('page.download')}
        </a>
        <button type="button" onClick={() => dialog.current?.close()}>
          {say('ppk.close')}
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section class="viewer-picture" tabIndex={0} aria-label={name}>
        <img key={page.document} class={isLarge ? 'large' : ''} src={sourceOf(page)} alt={name} />
      </section>
    </dialog>
  )
}
