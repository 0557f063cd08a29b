// Enrolling this phone once: the one-time code typed or scanned, the officer's name, and the wait for the answer.

import { useSignal, useSignalEffect } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { askedIn, certificateIn } from '../../holder'
import { explain } from '../../look/explain'
import { Notice } from '../../look/Notice'
import { go } from '../../look/route'
import { Screen } from '../../look/Screen'
import { clockTime } from '../../look/units'
import { readCode, showCode } from '../../protocol/enrolment'
import { recall, remember } from '../../words/memory'
import { say } from '../../words/words'
import { useEngine, useHolder } from './context'
import { explainError } from './explainError'
import { LanguageChoice } from './LanguageChoice'
import * as places from './places'
import { canScan, Scanner } from './Scanner'

export function WelcomeScreen() {
  const enrolment = useEngine().enrolment.value
  const again = useSignal(false)
  if (enrolment.state === 'waiting' && !again.value) {
    return <WaitingScreen since={enrolment.since} onAgain={() => (again.value = true)} />
  }
  const refusal = enrolment.state === 'refused' ? explain(enrolment.code, enrolment.detail) : null
  return <AskingScreen words="enrol" refusal={refusal} onAsked={() => (again.value = false)} />
}

/** For a phone that is enrolled: its certificate was revoked or ends, or it shall speak for another TPS. */
export function NewCodeScreen() {
  const enrolment = useEngine().enrolment.value
  const certificate = certificateIn(enrolment)
  const before = useSignal(certificate)
  const again = useSignal(false)
  useEffect(() => {
    if (certificate !== before.value) go(places.home, 'replace')
  }, [certificate, before])
  const asked = askedIn(enrolment)
  if (asked?.state === 'waiting' && !again.value) {
    return <WaitingScreen since={asked.since} onAgain={() => (again.value = true)} />
  }
  const refusal = asked?.state === 'refused' ? explain(asked.code, asked.detail) : null
  const onAsked = () => (again.value = false)
  return <AskingScreen words="new-code" refusal={refusal} onAsked={onAsked} back={places.settings} />
}

const CODE = 'enrol-code'
const NAME = 'enrol-name'

function WaitingScreen({ since, onAgain }: { since: number; onAgain: () => void }) {
  const engine = useEngine()
  return (
    <Screen
      title={say('enrol.waiting')}
      actions={
        <>
          <button type="button" onClick={onAgain}>
            {say('enrol.other-code')}
          </button>
          <button type="button" class="main grow" onClick={() => engine.sendNow()}>
            {say('enrol.ask-again')}
          </button>
        </>
      }
    >
      <Notice tone="wait" live="status">
        <p>{say('enrol.waiting-why', { since: clockTime(since) })}</p>
      </Notice>
      <p>{say('enrol.waiting-next')}</p>
    </Screen>
  )
}

interface AskingProps {
  /** Whose title and explanation stand above. */
  words: 'enrol' | 'new-code'
  refusal: string | null
  onAsked: () => void
  back?: string
}

/** What is typed stays while one looks elsewhere for the code: phones close pages that are out of sight. */
function AskingScreen({ words, refusal, onAsked, back }: AskingProps) {
  const engine = useEngine()
  const code = useSignal(recall('tab', CODE) ?? '')
  const holder = useHolder()
  const name = useSignal(recall('tab', NAME) ?? holder?.name ?? '')
  useSignalEffect(() => remember('tab', CODE, code.value))
  useSignalEffect(() => remember('tab', NAME, name.value))
  const busy = useSignal(false)
  const failed = useSignal<string | null>(refusal)
  const scanning = useSignal(false)
  const ask = async (event: Event) => {
    event.preventDefault()
    const read = readCode(code.value)
    if (!read) failed.value = explain('code-malformed')
    else if (name.value.trim() === '') failed.value = say('enrol.name-missing')
    if (!read || name.value.trim() === '') return
    busy.value = true
    failed.value = null
    try {
      await engine.enrol(read, name.value.trim())
      remember('tab', CODE, '')
      onAsked()
    } catch (error) {
      failed.value = explainError(error)
    }
    busy.value = false
  }
  const scanned = (found: string) => {
    scanning.value = false
    code.value = showCode(found)
  }
  return (
    <Screen
      title={say(`${words}.title`)}
      back={back}
      actions={
        <button type="submit" form="enrol" class="main grow" disabled={busy.value}>
          {say(busy.value ? 'enrol.asking' : 'enrol.ask')}
        </button>
      }
    >
      <p>{say(`${words}.what`)}</p>
      <form id="enrol" class="stack" onSubmit={(event) => void ask(event)}>
        <label for="code">{say('enrol.code')}</label>
        <input
          id="code"
          class="large code"
          autoComplete="off"
          autoCapitalize="characters"
          spellcheck={false}
          placeholder="K7Q2-M4XD-9FTA"
          value={code.value}
          aria-describedby="enrol-failed"
          onInput={(event) => {
            code.value = event.currentTarget.value
          }}
          onBlur={() => {
            const read = readCode(code.value)
            if (read) code.value = showCode(read)
          }}
        />
        {canScan() && (
          <button type="button" onClick={() => (scanning.value = !scanning.value)} aria-expanded={scanning.value}>
            {say(scanning.value ? 'enrol.scan-stop' : 'enrol.scan')}
          </button>
        )}
        {scanning.value && <Scanner onFound={scanned} />}
        <label for="name">{say('enrol.name')}</label>
        <input
          id="name"
          class="large"
          autoComplete="name"
          maxLength={64}
          value={name.value}
          onInput={(event) => {
            name.value = event.currentTarget.value
          }}
        />
      </form>
      <div id="enrol-failed" aria-live="assertive">
        {failed.value && (
          <Notice tone="bad">
            <p>{failed.value}</p>
          </Notice>
        )}
      </div>
      <LanguageChoice />
    </Screen>
  )
}
