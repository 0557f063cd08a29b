// The photographs of a documents statement: beside each other, and one by one as large as the screen.
import { useState } from 'preact/hooks'
import { say } from '../../words/words'
import { type Shown, sourceOf } from './shown'
import { Viewer } from './Viewer'

interface Props {
  pages: Shown[]
  /** As wide as there is room for, to read figures beside them. */
  large?: boolean
}

export function Photographs({ pages, large = false }: Props) {
  const [open, setOpen] = useState<number | null>(null)
  const here = pages.filter((page) => page.here)
  return (
    <>
      <ul class={large ? 'photographs large' : 'photographs'}>
        {pages.map((page) => (
          <li key={page.page}>
            {page.here ? (
              <Photograph page={page} onOpen={() => setOpen(here.indexOf(page))} />
            ) : (
              <span class="placeholder">{say(`page.${page.state}`)}</span>
            )}
            <span>{say('page.name', { page: page.page })}</span>
          </li>
        ))}
      </ul>
      {open !== null && <Viewer pages={here} first={open} onClose={() => setOpen(null)} />}
    </>
  )
}

/** A picture that may be none: a PDF, or a kind that this browser does not show. Its bytes can be saved all the same. */
function Photograph({ page, onOpen }: { page: Shown; onOpen: () => void }) {
  const [isPicture, setIsPicture] = useState(true)
  return (
    <button type="button" class="photograph" onClick={onOpen}>
      {isPicture ? (
        <img
          src={sourceOf(page)}
          alt={say('page.enlarge', { page: page.page })}
          loading="lazy"
          onError={() => setIsPicture(false)}
        />
      ) : (
        <span class="placeholder">{say('page.no-picture')}</span>
      )}
    </button>
  )
}
