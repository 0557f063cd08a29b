// What stands around every screen: whose page it is, where one can go, whether it is live, the language.
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { route } from '../../look/route'
import { language, say, speak } from '../../words/words'
import { moment } from './units'

export interface Place {
  address: string
  name: string
  count?: number
  /** What it is that is counted, for those who only listen. */
  countMeans?: string
}

interface Props {
  title: string
  owner: string
  places: Place[]
  aside?: ComponentChildren
  children: ComponentChildren
}

export function Frame({ title, owner, places, aside, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null)
  const here = route.value.join('/')
  const before = useRef<string | null>(null)
  useEffect(() => {
    if (before.current !== null) arrive(before.current, heading.current)
    before.current = here
  }, [here])
  useEffect(() => {
    document.title = `${title} · ${owner}`
  }, [title, owner])
  return (
    <>
      <header class="masthead">
        <div class="owner">
          <strong>{owner}</strong>
          {aside}
        </div>
        <button
          type="button"
          class="language"
          onClick={() => speak(language.value === 'id' ? 'en' : 'id')}
          lang={language.value === 'id' ? 'en' : 'id'}
        >
          {language.value === 'id' ? 'English' : 'Bahasa Indonesia'}
        </button>
        <nav aria-label={say('ppk.places')}>
          <ul>
            {places.map((place) => (
              <li key={place.address}>
                <a href={place.address} aria-current={isHere(place.address, here) ? 'page' : undefined}>
                  {place.name}
                  {place.count ? (
                    <span class="bubble">
                      {place.count}
                      <span class="visually-hidden"> {place.countMeans}</span>
                    </span>
                  ) : null}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      </header>
      <main>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        <p class="print-only">{say('ppk.printed', { owner, when: moment(Date.now() / 1000) })}</p>
        {children}
      </main>
    </>
  )
}

/** Who comes back stands where he left, in a list of 1,591 too; who goes on begins at the top. */
function arrive(from: string, heading: HTMLElement | null): void {
  const left = document.querySelector<HTMLElement>(`main a[href=${JSON.stringify(`#/${from}`)}]:not(.button, nav a)`)
  if (left) {
    left.focus()
  } else {
    heading?.focus({ preventScroll: true })
    window.scrollTo(0, 0)
  }
}

const isHere = (address: string, here: string): boolean => {
  const place = address.replace(/^#\//, '')
  return here === place || (place !== '' && here.startsWith(`${place}/`))
}
