// A lost phone is replaced on the spot: its key is revoked, a new one-time code is shown. And who waits to be enrolled.
import { useState } from 'preact/hooks'
import { renderSVG } from 'uqr'
import { askJson } from '../../holder/http'
import { type Problem, problemOf } from '../../holder/problem'
import { Dialog } from '../../look/Dialog'
import { say } from '../../words/words'
import { board, stations } from '../live'
import { Trouble } from '../parts/Trouble'
import { stationName } from '../parts/units'
import type { NodeView } from '../shapes'
import { matches, villageOf } from '../standing'

const SHOWN_MAX = 40

interface Replacement {
  code: string
  scope: string
  revoked: number
}

export function PhonesScreen({ node }: { node: NodeView }) {
  return (
    <>
      {node.enrolment === 'at-once' ? <Replace /> : <p class="notice wait">{say('phones.no-ca')}</p>}
      {node.enrolment === 'waits' && <WaitingRequests />}
    </>
  )
}

function Replace() {
  const [words, setWords] = useState('')
  const [asked, setAsked] = useState<string | null>(null)
  const [done, setDone] = useState<Replacement | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const found = [...stations.keys()]
    .filter((tps) => board.value && matches(words, tps, villageOf(board.value, tps)))
    .sort()
  const replace = async (scope: string): Promise<void> => {
    setAsked(null)
    setProblem(null)
    try {
      setDone(
        await askJson<Replacement>('/v1/replacements', {
          method: 'POST',
          type: 'application/json',
          body: JSON.stringify({ scope })
        })
      )
    } catch (error) {
      setProblem(problemOf(error))
    }
  }
  return (
    <section class="card">
      <h2>{say('phones.replace')}</h2>
      <p>{say('phones.explain')}</p>
      {problem && <Trouble problem={problem} />}
      {done && <NewCode replacement={done} />}
      <label class="search">
        <span>{say('board.search')}</span>
        <input type="search" value={words} onInput={(event) => setWords(event.currentTarget.value)} />
      </label>
      {found.length > SHOWN_MAX && <p class="soft">{say('phones.more', { shown: SHOWN_MAX, found: found.length })}</p>}
      <ul class="downloads plain-list">
        {found.slice(0, SHOWN_MAX).map((tps) => (
          <li key={tps}>
            <button type="button" onClick={() => setAsked(tps)}>
              {stationName(tps)} <span class="soft">{board.value && villageOf(board.value, tps)}</span>
            </button>
          </li>
        ))}
      </ul>
      {asked && (
        <Dialog
          title={say('phones.sure', { tps: stationName(asked) })}
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

function NewCode({ replacement }: { replacement: Replacement }) {
  const { code, scope, revoked } = replacement
  const picture = `data:image/svg+xml;utf8,${encodeURIComponent(renderSVG(`kpu-enrol:${code}`))}`
  return (
    <div class="notice good" role="status">
      <p>{say('phones.done', { tps: scope, revoked })}</p>
      <p class="code">{code}</p>
      <img class="qr" src={picture} alt={say('phones.qr', { code })} width={192} height={192} />
    </div>
  )
}

function WaitingRequests() {
  const [problem, setProblem] = useState<Problem | null>(null)
  const [told, setTold] = useState('')
  const upload = async (file: File): Promise<void> => {
    setProblem(null)
    try {
      const body = await file.text()
      const answer = await askJson<{ filed?: number }>('/v1/enrolments/answers', {
        method: 'POST',
        type: 'application/json',
        body
      })
      setTold(say('phones.answers-taken', { count: answer.filed ?? 0 }))
    } catch (error) {
      setProblem(problemOf(error))
    }
  }
  return (
    <section class="card">
      <h2>{say('phones.waiting')}</h2>
      <p>{say('phones.waiting-explain')}</p>
      {problem && <Trouble problem={problem} />}
      {told && <p class="notice good">{told}</p>}
      <p class="downloads">
        <a class="button" href="/v1/enrolments" download="enrolments.json">
          {say('phones.download-requests')}
        </a>
        <label class="button">
          {say('phones.upload-answers')}
          <input
            type="file"
            class="visually-hidden"
            accept=".json,application/json"
            onChange={(event) => {
              const file = event.currentTarget.files?.[0]
              if (file) void upload(file)
            }}
          />
        </label>
      </p>
    </section>
  )
}
