// The photographs of a documents statement: small beside each other, large when one is pressed.
import { useRef } from 'preact/hooks'
import { say } from '../../words/words'

export interface Shown {
  page: number
  document: string
  /** Whether its bytes are here and can be looked at. */
  here: boolean
  state: string
}

export function Photographs({ pages }: { pages: Shown[] }) {
  return (
    <ul class="photographs">
      {pages.map((page) => (
        <li key={page.page}>
          {page.here ? <Photograph page={page} /> : <span class="placeholder">{say(`page.${page.state}`)}</span>}
          <span>{say('page.name', { page: page.page })}</span>
        </li>
      ))}
    </ul>
  )
}

function Photograph({ page }: { page: Shown }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const source = `/v1/documents/${page.document}`
  const name = say('page.name', { page: page.page })
  return (
    <>
      <button type="button" class="photograph" onClick={() => dialog.current?.showModal()}>
        <img src={source} alt={say('page.enlarge', { page: page.page })} loading="lazy" />
      </button>
      <dialog ref={dialog} aria-label={name}>
        <form method="dialog">
          <button type="submit">{say('ppk.close')}</button>
          <a class="button" href={source} download={`${page.document.slice(0, 8)}-${page.page}.jpg`}>
            {say('page.download')}
          </a>
        </form>
        <img src={source} alt={name} />
      </dialog>
    </>
  )
}
