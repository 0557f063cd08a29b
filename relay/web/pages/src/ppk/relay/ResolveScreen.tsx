// Tallies that disagree, field by field beside their photographs, and the PPK's note about them.
import { Notice } from '../../look/Notice'
import { at } from '../../look/route'
import { catalogue } from '../../protocol/forms'
import { say } from '../../words/words'
import { stations } from '../live'
import { differences } from '../parts/differences'
import { BrokenRules, FiguresTable } from '../parts/Figures'
import { Photographs } from '../parts/Photographs'
import type { Documents } from '../shapes'
import { claimsOf } from '../standing'
import { NoteCard, nameOfTally, StateMark, TallyFacts } from './cards'
import { NoteForm } from './NoteForm'
import { mayAct } from './session'

export function ResolveScreen({ tps, form: code }: { tps: string; form: number }) {
  const station = stations.get(tps)?.station.value
  const form = catalogue.get(code)
  if (!station || !form) return <Notice tone="wait">{say('station.unknown')}</Notice>
  const claims = claimsOf(station, code)
  const columns = claims.map((tally) => ({ name: nameOfTally(tally, claims), figures: tally.figures }))
  const different = differences(columns)
  const notes = station.notes.filter((note) => note.form === code)
  if (!station.conflicts.includes(code)) return <NoConflict tps={tps} />
  return (
    <>
      <p class="headline">
        {form.name}: {say('resolve.headline', { count: different.size, of: form.fields.length })}
      </p>
      {claims.length < 2 && <Notice tone="wait">{say('resolve.other-elsewhere')}</Notice>}
      <div class="beside">
        <div>
          {different.size > 0 && <FiguresTable form={form} columns={columns} only={different} />}
          {claims.map((tally) => (
            <section key={tally.id} class="card" aria-label={nameOfTally(tally, claims)}>
              <h2>
                {nameOfTally(tally, claims)} <StateMark state={tally.state} isUnderWay={tally.under_way} />
              </h2>
              <TallyFacts tally={tally} />
              <BrokenRules form={form} figures={tally.figures} />
            </section>
          ))}
          <details class="card" open={different.size === 0}>
            <summary>{say('resolve.all-figures')}</summary>
            <FiguresTable form={form} columns={columns} />
          </details>
          {notes.map((note) => (
            <NoteCard key={note.id} note={note} claims={claims} />
          ))}
          {mayAct() ? (
            <NoteForm key={`${tps}/${code}`} station={station} form={code} claims={claims} />
          ) : (
            <Notice>{say('resolve.log-in')}</Notice>
          )}
        </div>
        <Pictures listings={station.documents.filter((listing) => listing.form === code)} />
      </div>
      <Back tps={tps} />
    </>
  )
}

function Pictures({ listings }: { listings: Documents[] }) {
  return (
    <section class="pictures" aria-label={say('resolve.photographs')}>
      {listings.length === 0 && <Notice tone="wait">{say('station.no-photographs')}</Notice>}
      {listings.map((listing) => (
        <div key={listing.id}>
          <h2>
            {say('station.photographs', { revision: listing.revision })} <StateMark state={listing.state} />
          </h2>
          <Photographs large pages={listing.pages.map((page) => ({ ...page, here: page.state === 'at-relay' }))} />
        </div>
      ))}
    </section>
  )
}

const NoConflict = ({ tps }: { tps: string }) => (
  <>
    <Notice tone="good">{say('resolve.no-conflict')}</Notice>
    <Back tps={tps} />
  </>
)

const Back = ({ tps }: { tps: string }) => (
  <p class="no-print">
    <a class="button" href={at('tps', tps)}>
      {say('resolve.back')}
    </a>
  </p>
)
