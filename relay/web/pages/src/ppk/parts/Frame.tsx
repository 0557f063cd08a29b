// What stands around every screen: whose page it is, where one can go, whether it is live, the language.
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { route } from '../../look/route'
import { language, say, speak } from '../../words/words'

export interface Place {
  address: string
  name: string
  count?: number
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
  const first = useRef(true)
  useEffect(() => {
    if (!first.current) heading.current?.focus()
    first.current = false
  }, [here])
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
                  {place.count ? <span class="bubble">{place.count}</span> : null}
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
        {children}
      </main>
    </>
  )
}

const isHere = (address: string, here: string): boolean => {
  const place = address.replace(/^#\//, '')
  return here === place || (place !== '' && here.startsWith(`${place}/`))
}
