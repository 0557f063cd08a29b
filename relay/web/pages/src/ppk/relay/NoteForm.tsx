// The PPK says which of the tallies that disagree agrees with the paper; signed, sent, and none of them overwritten.
import { useState } from 'preact/hooks'
import type { SlipRecord } from '../../holder/database'
import { type Problem, problemOf } from '../../holder/problem'
import { Notice } from '../../look/Notice'
import { TEXT_BYTES_MAX } from '../../protocol/notes'
import { number, say } from '../../words/words'
import { Trouble } from '../parts/Trouble'
import { moment } from '../parts/units'
import type { Station, Tally } from '../shapes'
import { nameOfTally } from './cards'
import { handOver } from './noting'

/** What was typed stays while one looks at the photographs on another screen. */
const typed = new Map<string, string>()

interface Props {
  station: Station
  form: number
  claims: Tally[]
}

export function NoteForm({ station, form, claims }: Props) {
  const place = `${station.tps}/${form}`
  const [favours, setFavours] = useState<string | null | undefined>(undefined)
  const [text, setText] = useState(typed.get(place) ?? '')
  const [problem, setProblem] = useState<Problem | null>(null)
  const [slip, setSlip] = useState<SlipRecord | null>(null)
  const [busy, setBusy] = useState(false)
  const tooLong = new TextEncoder().encode(text.trim()).length > TEXT_BYTES_MAX
  const write = (now: string): void => {
    typed.set(place, now)
    setText(now)
  }
  const send = async (): Promise<void> => {
    setBusy(true)
    setProblem(null)
    try {
      setSlip((await handOver(draftOf(station, form, claims, favours ?? null, text.trim()))).slip)
      write('')
      setFavours(undefined)
    } catch (error) {
      setProblem(problemOf(error))
    }
    setBusy(false)
  }
  if (slip) return <Sent slip={slip} onMore={() => setSlip(null)} />
  return (
    <form
      class="card no-print"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <h2>{say('resolve.note')}</h2>
      <p>{say('resolve.explain')}</p>
      <fieldset class="choices">
        <legend>{say('resolve.which')}</legend>
        {claims.map((tally) => (
          <Choice
            key={tally.id}
            name={nameOfTally(tally, claims)}
            isChosen={favours === tally.id}
            choose={() => setFavours(tally.id)}
          />
        ))}
        <Choice name={say('resolve.none')} isChosen={favours === null} choose={() => setFavours(null)} />
      </fieldset>
      <label class="stacked">
        <span>{say('resolve.reason')}</span>
        <textarea required rows={4} value={text} onInput={(event) => write(event.currentTarget.value)} />
      </label>
      {tooLong && <Notice tone="bad">{say('resolve.too-long')}</Notice>}
      {problem && <Trouble problem={problem} />}
      <button type="submit" class="main" disabled={busy || tooLong || favours === undefined || text.trim() === ''}>
        {say('resolve.sign')}
      </button>
    </form>
  )
}

const Sent = ({ slip, onMore }: { slip: SlipRecord; onMore: () => void }) => (
  <>
    <Notice tone="good" live="status" title={say('resolve.sent')}>
      {say('resolve.slip', { number: number(slip.number), relay: slip.relay, when: moment(slip.heldAt) })}
    </Notice>
    <button type="button" class="no-print" onClick={onMore}>
      {say('resolve.another')}
    </button>
  </>
)

interface ChoiceProps {
  name: string
  isChosen: boolean
  choose: () => void
}

const Choice = ({ name, isChosen, choose }: ChoiceProps) => (
  <label>
    <input type="radio" name="favours" required checked={isChosen} onChange={choose} />
    {name}
  </label>
)

/** A new revision of the notes about this station and form, after all that there are. */
function draftOf(station: Station, form: number, claims: Tally[], favours: string | null, text: string) {
  const earlier = station.notes.filter((item) => item.form === form).map((item) => item.revision)
  const about = claims.map((tally) => tally.id)
  return { tps: station.tps, form, revision: Math.max(0, ...earlier) + 1, about, favours, text }
}
