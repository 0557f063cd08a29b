// Logging in: this browser's key signs what the relay asks. Who has no key yet enrols with a one-time code.
import { useEffect, useState } from 'preact/hooks'
import { type Enrolment, type Holding, login } from '../../holder'
import { Problem, problemOf } from '../../holder/problem'
import { inFours } from '../../look/units'
import { say } from '../../words/words'
import { Trouble } from '../parts/Trouble'
import type { NodeView, Session } from '../shapes'
import { holding } from './holding'

interface Props {
  node: NodeView
  onLoggedIn: (session: Session) => void
}

export function LoginScreen({ node, onLoggedIn }: Props) {
  const [holder, setHolder] = useState<Holding | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [busy, setBusy] = useState(false)
  useEffect(() => {
    holding().then(setHolder, (error) => setProblem(problemOf(error)))
  }, [])
  const run = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true)
    setProblem(null)
    await work().catch((error) => setProblem(problemOf(error)))
    setBusy(false)
  }
  const enrolment: Enrolment | undefined = holder?.enrolment.value
  return (
    <div class="card">
      {problem && <Trouble problem={problem} />}
      {!holder && !problem && <p>{say('ppk.opening')}</p>}
      {holder && enrolment?.state === 'enrolled' && (
        <>
          <p>{say('login.as', { name: enrolment.holder.name, scope: enrolment.holder.scope })}</p>
          <button
            type="button"
            class="main"
            disabled={busy}
            onClick={() => void run(async () => onLoggedIn(await login(holder)))}
          >
            {say('login.in')}
          </button>
        </>
      )}
      {holder && enrolment?.state === 'waiting' && <p class="notice wait">{say('login.waiting')}</p>}
      {holder && (enrolment?.state === 'none' || enrolment?.state === 'refused') && (
        <EnrolForm node={node} busy={busy} enrol={(code, name) => void run(() => holder.enrol(code, name))} />
      )}
      {enrolment?.state === 'refused' && <Trouble problem={new Problem(enrolment.code, enrolment.detail)} />}
      <p class="soft">{say('login.root', { root: inFours(node.root.slice(0, 16)) })}</p>
    </div>
  )
}

interface FormProps {
  node: NodeView
  busy: boolean
  enrol: (code: string, name: string) => void
}

function EnrolForm({ node, busy, enrol }: FormProps) {
  const [code, setCode] = useState('')
  const [name, setName] = useState('')
  if (node.enrolment === 'none') return <p class="notice wait">{say('login.no-enrolment')}</p>
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        enrol(code, name)
      }}
    >
      <p>{say('login.first-time')}</p>
      <label class="search">
        <span>{say('login.name')}</span>
        <input
          required
          maxLength={64}
          autocomplete="name"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label class="search">
        <span>{say('login.code')}</span>
        <input
          required
          autocomplete="off"
          autocapitalize="characters"
          placeholder="K7Q2-M4XD-9FTA"
          value={code}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="main" disabled={busy}>
        {say('login.enrol')}
      </button>
    </form>
  )
}
