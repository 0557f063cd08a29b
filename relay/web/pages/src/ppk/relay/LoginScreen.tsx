// Logging in: this browser's key signs what the relay asks. Who has no key yet enrols with a one-time code, and is in
// as soon as the certificate is here.
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Session } from '../../holder'
import { askedIn, certificateIn, type Enrolment, type Holding, login } from '../../holder'
import { Problem, problemOf } from '../../holder/problem'
import type { NodeView } from '../../holder/relay'
import { Notice } from '../../look/Notice'
import { inFours } from '../../look/units'
import { say } from '../../words/words'
import { Trouble } from '../parts/Trouble'
import { EnrolForm } from './EnrolForm'
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
    holding().then(setHolder, (error: unknown) => setProblem(problemOf(error)))
  }, [])
  const run = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true)
    setProblem(null)
    await work().catch((error: unknown) => setProblem(problemOf(error)))
    setBusy(false)
  }
  const enrol = (code: string, name: string) => void run(async () => holder?.enrol(code, name))
  const logIn = () =>
    void run(async () => {
      if (holder) onLoggedIn(await login(holder))
    })
  useNewCertificate(holder, node.root, logIn)
  const refusal = holder && refusalIn(holder.enrolment.value)
  return (
    <div class="card narrow">
      {problem && problem.code !== refusal?.code && <Trouble problem={problem} />}
      {holder && <Enrolled node={node} enrolment={holder.enrolment.value} busy={busy} enrol={enrol} logIn={logIn} />}
      {!holder && !problem && <p>{say('ppk.opening')}</p>}
      <p class="soft">{say('login.root', { root: inFours(node.root.slice(0, 16)) })}</p>
    </div>
  )
}

function refusalIn(enrolment: Enrolment): Problem | null {
  const asked = askedIn(enrolment)
  return asked?.state === 'refused' ? new Problem(asked.code, asked.detail) : null
}

/** Runs `work` when a certificate under `root` comes while this screen is open, and not for one that was there before. */
function useNewCertificate(holder: Holding | null, root: string, work: () => void): void {
  const enrolment = holder?.enrolment.value
  const certificate = enrolment && certificateIn(enrolment)
  const before = useRef(certificate)
  useEffect(() => {
    const isNew = before.current !== undefined && certificate !== before.current
    before.current = certificate
    if (isNew && enrolment?.state === 'enrolled' && enrolment.holder.root === root) work()
  }, [certificate])
}

interface EnrolledProps {
  node: NodeView
  enrolment: Enrolment
  busy: boolean
  enrol: (code: string, name: string) => void
  logIn: () => void
}

/** What can be done next, by how far the enrolment of this browser is. */
function Enrolled({ node, enrolment, busy, enrol, logIn }: EnrolledProps) {
  const refusal = refusalIn(enrolment)
  if (enrolment.state === 'waiting') return <Notice tone="wait">{say('login.waiting')}</Notice>
  if (enrolment.state !== 'enrolled') {
    return (
      <>
        {refusal && <Trouble problem={refusal} />}
        <p>{say('login.first-time')}</p>
        <EnrolForm node={node} busy={busy} enrol={enrol} />
      </>
    )
  }
  const { holder, renewal } = enrolment
  const { name, scope, root } = holder
  if (root !== node.root) return <Trouble problem={new Problem('relay-false', '')} />
  return (
    <>
      <p>{say('login.as', { name, scope })}</p>
      <button type="button" class="main" disabled={busy} onClick={logIn}>
        {say('login.in')}
      </button>
      {renewal?.state === 'waiting' && <Notice tone="wait">{say('login.waiting')}</Notice>}
      <details class="again" open={refusal !== null}>
        <summary>{say('login.another-code')}</summary>
        {refusal && <Trouble problem={refusal} />}
        <EnrolForm node={node} busy={busy} enrol={enrol} />
      </details>
    </>
  )
}
