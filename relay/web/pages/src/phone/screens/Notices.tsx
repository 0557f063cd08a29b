// What is the matter with the phone, the page or the relay: above every screen, each with what to do.

import { explain } from '../../look/explain'
import { Notice, type Tone } from '../../look/Notice'
import { clockTime, moment } from '../../look/units'
import { say } from '../../words/words'
import type { Engine } from '../engine/types'
import { useEngine } from './context'
import { accident, offlineReady, otherTab } from './surroundings'

const CLOCK_OFF_SECONDS = 300
const DAY_SECONDS = 86_400

interface Matter {
  key: string
  tone: Tone
  words: string
}

export function Notices() {
  const matters = mattersOf(useEngine())
  return (
    <div class="notices" role="status">
      {matters.map(({ key, tone, words }) => (
        <Notice key={key} tone={tone}>
          <p>{words}</p>
        </Notice>
      ))}
    </div>
  )
}

function mattersOf(engine: Engine): Matter[] {
  const { clockOff, lastContact, trouble } = engine.relay.value
  const matters: Matter[] = []
  const add = (key: string, tone: Tone, words: string) => matters.push({ key, tone, words })
  if (trouble && trouble.code !== 'relay-unreachable') {
    add('relay', trouble.code === 'relay-false' ? 'bad' : 'wait', explain(trouble.code, trouble.detail))
  } else if (trouble) {
    const words = lastContact ? say('notice.offline-since', { since: sinceWhen(lastContact) }) : say('notice.offline')
    add('offline', 'wait', words)
    if (isClockDoubtful(engine)) add('date', 'wait', say('notice.date', { date: moment(now()) }))
  }
  if (engine.storage.value.full) add('storage', 'bad', explain('storage-full'))
  if (clockOff !== null && Math.abs(clockOff) > CLOCK_OFF_SECONDS) {
    add('clock', 'wait', say(clockOff > 0 ? 'notice.clock-ahead' : 'notice.clock-behind', { off: duration(clockOff) }))
  }
  if (accident.value) add('accident', 'bad', say('app.broken-why'))
  if (otherTab.value) add('tab', 'plain', say('notice.other-tab'))
  if (offlineReady.value === false) add('worker', 'wait', say('notice.no-worker'))
  return matters
}

/** A phone whose date is wrong finds every relay's certificate invalid, and reaches none. */
function isClockDoubtful(engine: Engine): boolean {
  const { lastContact } = engine.relay.value
  const enrolment = engine.enrolment.value
  const wentBack = lastContact !== null && now() < lastContact - DAY_SECONDS
  return wentBack || (enrolment.state === 'enrolled' && now() > enrolment.holder.notAfter)
}

const now = () => Date.now() / 1000

/** `23.05` of today, with the date when it is longer ago. */
const sinceWhen = (unix: number): string => (Math.abs(now() - unix) < DAY_SECONDS / 2 ? clockTime(unix) : moment(unix))

/** `7 menit`, `3 jam`, `365 hari`. */
function duration(seconds: number): string {
  const size = Math.abs(seconds)
  if (size < 3600) return say('notice.minutes', { count: Math.round(size / 60) })
  if (size < 2 * DAY_SECONDS) return say('notice.hours', { count: Math.round(size / 3600) })
  return say('notice.days', { count: Math.round(size / DAY_SECONDS) })
}
