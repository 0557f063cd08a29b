// One screen: a way back, one h1 that takes the focus when the screen is reached, and what to press at the bottom.

import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { say } from '../words/words'

interface Props {
  title: string
  /** What stands above the title in small letters: where one is. */
  above?: string | undefined
  /** The address of the screen that this one belongs to. */
  back?: string | undefined
  /** The buttons, in reach of the thumb. */
  actions?: ComponentChildren
  /** Whoever comes back to this screen finds it where it was left. */
  keepPlace?: boolean
  children?: ComponentChildren
}

let opened = false
const left = new Map<string, number>()

export function Screen({ title, above, back, actions, keepPlace = false, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    // The page's very first screen takes no focus: the browser's own address bar had it.
    if (opened) heading.current?.focus({ preventScroll: true })
    const place = location.hash
    if (opened) window.scrollTo(0, keepPlace ? (left.get(place) ?? 0) : 0)
    opened = true
    return () => {
      left.set(place, window.scrollY)
    }
  }, [keepPlace])
  useEffect(() => {
    document.title = title
  }, [title])
  return (
    <main class="screen">
      <header class="screen-head">
        {back !== undefined && (
          <a class="back" href={back}>
            <span aria-hidden="true">‹</span> {say('common.back')}
          </a>
        )}
        {above && <p class="above soft">{above}</p>}
        <h1 tabIndex={-1} ref={heading}>
          {title}
        </h1>
      </header>
      {children}
      {actions && <div class="actions">{actions}</div>}
    </main>
  )
}
