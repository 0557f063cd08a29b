// Two tallies that disagree, field by field beside their photographs; the PPK's signed note goes up and overwrites nothing.
import { useState } from 'preact/hooks'
import { ask } from '../../holder/http'
import { type Problem, problemOf } from '../../holder/problem'
import { at, go } from '../../look/route'
import { fromHex } from '../../protocol/bytes'
import { withChain } from '../../protocol/cose'
import { catalogue } from '../../protocol/forms'
import { note } from '../../protocol/notes'
import { say } from '../../words/words'
import { stations } from '../live'
import { BrokenRules, differences, FiguresTable } from '../parts/Figures'
import { Photographs } from '../parts/Photographs'
import { Trouble } from '../parts/Trouble'
import { moment } from '../parts/units'
import type { Station, Tally } from '../shapes'
import { rivalsOf } from '../standing'
import { holding } from './holding'
import { NoteCard, shortId } from './StationScreen'
import { mayAct } from './session'

const TEXT_BYTES_MAX = 1000

export function ResolveScreen({ tps, form: code }: { tps: string; form: number }) {
  const station = stations.get(tps)?.value
  const form = catalogue.get(code)
  if (!station || !form) return <p class="notice wait">{say('station.unknown')}</p>
  const rivals = rivalsOf(station, code)
  const columns = rivals.map((tally) => ({ name: nameOf(tally), figures: tally.figures }))
  return (
    <>
      <p class="headline">{say('resolve.headline', { count: differences(columns).size, of: form.fields.length })}</p>
      <FiguresTable form={form} columns={columns} only={differences(columns)} />
      <div class="side-by-side">
        {rivals.map((tally) => (
          <section key={tally.id} class="card" aria-label={nameOf(tally)}>
            <h2>{nameOf(tally)}</h2>
            <p class="soft">
              {say('resolve.facts', { signed: moment(tally.signed_at), number: tally.number })} {tally.origin ?? ''}
            </p>
            <BrokenRules form={form} figures={tally.figures} />
          </section>
        ))}
      </div>
      <details class="card">
        <summary>{say('resolve.all-figures')}</summary>
        <FiguresTable form={form} columns={columns} />
      </details>
      {station.documents
        .filter((listing) => listing.form === code)
        .map((listing) => (
          <section key={listing.id}>
            <h2>{say('station.photographs', { revision: listing.revision })}</h2>
            <Photographs pages={listing.pages.map((page) => ({ ...page, here: page.state === 'at-relay' }))} />
          </section>
        ))}
      {station.notes
        .filter((item) => item.form === code)
        .map((item) => (
          <NoteCard key={item.id} note={item} tallies={rivals} />
        ))}
      {mayAct() ? (
        <NoteForm station={station} code={code} rivals={rivals} />
      ) : (
        <p class="notice">{say('resolve.log-in')}</p>
      )}
    </>
  )
}

const nameOf = (tally: Tally): string => say('resolve.tally', { id: shortId(tally.id) })

interface FormProps {
  station: Station
  code: number
  rivals: Tally[]
}

function NoteForm({ station, code, rivals }: FormProps) {
  const [favours, setFavours] = useState<string | null | undefined>(undefined)
  const [text, setText] = useState('')
  const [problem, setProblem] = useState<Problem | null>(null)
  const [busy, setBusy] = useState(false)
  const tooLong = new TextEncoder().encode(text).length > TEXT_BYTES_MAX
  const submit = async (): Promise<void> => {
    setBusy(true)
    setProblem(null)
    try {
      await send(station, code, rivals, favours ?? null, text.trim())
      go(at('tps', station.tps))
    } catch (error) {
      setProblem(problemOf(error))
    }
    setBusy(false)
  }
  return (
    <form
      class="card no-print"
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
    >
      <h2>{say('resolve.note')}</h2>
      <p>{say('resolve.explain')}</p>
      <fieldset class="choices">
        <legend>{say('resolve.which')}</legend>
        {[
          ...rivals.map((tally) => ({ id: tally.id as string | null, name: nameOf(tally) })),
          { id: null, name: say('resolve.none') }
        ].map((choice) => (
          <label key={choice.id ?? 'none'}>
            <input
              type="radio"
              name="favours"
              required
              checked={favours === choice.id}
              onChange={() => setFavours(choice.id)}
            />
            {choice.name}
          </label>
        ))}
      </fieldset>
      <label class="stacked">
        <span>{say('resolve.reason')}</span>
        <textarea required rows={4} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      {tooLong && <p class="notice bad">{say('resolve.too-long')}</p>}
      {problem && <Trouble problem={problem} />}
      <button type="submit" class="main" disabled={busy || tooLong || favours === undefined || text.trim() === ''}>
        {say('resolve.sign')}
      </button>
    </form>
  )
}

/** Signs the note with this browser's key and hands it to the relay like any statement. */
async function send(
  station: Station,
  form: number,
  rivals: Tally[],
  favours: string | null,
  text: string
): Promise<void> {
  const mine = await holding()
  const earlier = station.notes.filter((item) => item.form === form).map((item) => item.revision)
  const payload = note({
    tps: station.tps,
    form,
    revision: Math.max(0, ...earlier) + 1,
    signedAt: Math.floor(Date.now() / 1000),
    about: rivals.map((tally) => fromHex(tally.id)).sort(byBytes),
    favours: favours === null ? null : fromHex(favours),
    text
  })
  const signed = await mine.sign(payload)
  const body = withChain(signed, mine.certified.chain)
  await ask('/v1/statements', { method: 'POST', type: 'application/cose', body })
}

function byBytes(one: Uint8Array, other: Uint8Array): number {
  const at = one.findIndex((byte, index) => byte !== other[index])
  return at < 0 ? 0 : (one[at] ?? 0) - (other[at] ?? 0)
}
