// A lost phone: what was certified for its station is revoked at once, and one new code is shown, once.
import { useState } from 'preact/hooks'
import { renderSVG } from 'uqr'
import { askJson } from '../../holder/http'
import { type Problem, problemOf } from '../../holder/problem'
import { Dialog } from '../../look/Dialog'
import { Notice } from '../../look/Notice'
import { number, say } from '../../words/words'
import { board, stations } from '../live'
import { Trouble } from '../parts/Trouble'
import { stationName } from '../parts/units'
import { matches, villageOf } from '../standing'

const SHOWN_MAX = 40
const VILLAGE_DIGITS = 10

interface Replacement {
  code: string
  scope: string
  revoked: number
}

export function Replace() {
  const [words, setWords] = useState('')
  const [asked, setAsked] = useState<string | null>(null)
  const [done, setDone] = useState<Replacement | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const found = scopesFound(words)
  const replace = async (scope: string): Promise<void> => {
    setAsked(null)
    setProblem(null)
    setDone(null)
    try {
      const body = JSON.stringify({ scope })
      setDone(await askJson('/v1/replacements', { method: 'POST', type: 'application/json', body }))
    } catch (error) {
      setProblem(problemOf(error))
    }
  }
  if (done) return <NewCode replacement={done} onGiven={() => setDone(null)} />
  return (
    <section class="card">
      <h2>{say('phones.replace')}</h2>
      <p>{say('phones.explain')}</p>
      {problem && <Trouble problem={problem} />}
      <label class="search">
        <span>{say('board.search')}</span>
        <input type="search" value={words} onInput={(event) => setWords(event.currentTarget.value)} />
      </label>
      {found.length === 0 && <Notice>{say('board.nothing-found')}</Notice>}
      <ul class="downloads plain-list">
        {found.slice(0, SHOWN_MAX).map((scope) => (
          <li key={scope}>
            <button type="button" onClick={() => setAsked(scope)}>
              {nameOf(scope)}
            </button>
          </li>
        ))}
      </ul>
      {found.length > SHOWN_MAX && (
        <p class="soft">{say('phones.more', { shown: SHOWN_MAX, found: number(found.length) })}</p>
      )}
      {asked && (
        <Dialog
          title={say('phones.sure', { tps: nameOf(asked) })}
          yes={say('phones.yes')}
          grave
          onYes={() => void replace(asked)}
          onNo={() => setAsked(null)}
        >
          <p>{say('phones.consequence')}</p>
        </Dialog>
      )}
    </section>
  )
}

/** Stations, and villages whose officers share one phone. */
function scopesFound(words: string): string[] {
  const shown = board.value
  if (!shown) return []
  const own = [...stations.keys()].sort()
  const villages = [...new Set(own.map((tps) => tps.slice(0, VILLAGE_DIGITS)))]
  const named = (scope: string): boolean => matches(words, scope, villageOf(shown, scope))
  return [...own.filter(named), ...villages.filter(named)]
}

/** `TPS 3, Long Tungu`, or `Seluruh Long Tungu`. */
function nameOf(scope: string): string {
  const village = board.value ? villageOf(board.value, scope) : ''
  return scope.length === VILLAGE_DIGITS ? say('phones.village', { village }) : `${stationName(scope)}, ${village}`
}

/** Kept nowhere: once this is closed, nobody sees the code again. */
function NewCode({ replacement, onGiven }: { replacement: Replacement; onGiven: () => void }) {
  const { code, scope, revoked } = replacement
  const [isCopied, setIsCopied] = useState(false)
  const picture = `data:image/svg+xml;utf8,${encodeURIComponent(renderSVG(`kpu-enrol:${code}`))}`
  const copy = (): void => {
    navigator.clipboard.writeText(code).then(
      () => setIsCopied(true),
      () => setIsCopied(false)
    )
  }
  return (
    <section class="card narrow" role="status">
      <h2>{say('phones.done', { tps: nameOf(scope) })}</h2>
      <p>{say(revoked > 0 ? 'phones.revoked' : 'phones.none-revoked', { revoked: number(revoked) })}</p>
      <p class="code">{code}</p>
      <img class="qr" src={picture} alt={say('phones.qr')} width={224} height={224} />
      <p>{say('phones.once')}</p>
      <p class="downloads no-print">
        <button type="button" class="main" onClick={onGiven}>
          {say('phones.given')}
        </button>
        <button type="button" onClick={copy}>
          {say(isCopied ? 'phones.copied' : 'phones.copy')}
        </button>
      </p>
    </section>
  )
}
