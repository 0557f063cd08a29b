// Enrolments that wait for an authority elsewhere: their file goes to the kabupaten, its answers come back here.
import { useEffect, useState } from 'preact/hooks'
import { askJson } from '../../holder/http'
import { type Problem, problemOf } from '../../holder/problem'
import { explain } from '../../look/explain'
import { Notice } from '../../look/Notice'
import { number, say } from '../../words/words'
import { Trouble } from '../parts/Trouble'
import { moment } from '../parts/units'

interface Request {
  id: string
  name: string
  received_at: number
}

interface Taken {
  taken: number
  passed_over: { code: string; detail: string }[]
}

export function WaitingRequests() {
  const [waiting, setWaiting] = useState<Request[] | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [taken, setTaken] = useState<Taken | null>(null)
  const failed = (error: unknown): void => setProblem(problemOf(error))
  const look = (): Promise<void> =>
    askJson<{ requests: Request[] }>('/v1/enrolments').then(({ requests }) => setWaiting(requests), failed)
  useEffect(() => void look(), [])
  const upload = async (file: File): Promise<void> => {
    setProblem(null)
    setTaken(null)
    try {
      const body = await file.text()
      setTaken(await askJson('/v1/enrolments/answers', { method: 'POST', type: 'application/json', body }))
      await look()
    } catch (error) {
      failed(error)
    }
  }
  return (
    <section class="card">
      <h2>{say('phones.waiting')}</h2>
      <p>{say('phones.waiting-explain')}</p>
      {problem && <Trouble problem={problem} />}
      {taken && <Answered taken={taken} />}
      {waiting?.length === 0 && <Notice tone="good">{say('phones.nobody-waits')}</Notice>}
      <ul>
        {waiting?.map((request) => (
          <li key={request.id}>
            {request.name} <span class="soft">{moment(request.received_at)}</span>
          </li>
        ))}
      </ul>
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
              event.currentTarget.value = '' // the same file may be chosen again
            }}
          />
        </label>
      </p>
    </section>
  )
}

const Answered = ({ taken: { taken, passed_over } }: { taken: Taken }) => (
  <Notice tone={passed_over.length > 0 ? 'wait' : 'good'} live="status">
    <p>{say('phones.answers-taken', { count: number(taken) })}</p>
    <ul>
      {passed_over.map(({ code, detail }) => (
        <li key={detail}>{explain(code, detail)}</li>
      ))}
    </ul>
  </Notice>
)
