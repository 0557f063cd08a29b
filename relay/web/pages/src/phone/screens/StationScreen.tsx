// One station: the biggest thing on the screen is what to do next; below it, each form and where it is.

import { Mark } from '../../look/Mark'
import { Notice } from '../../look/Notice'
import { Screen } from '../../look/Screen'
import { StepsLine } from '../../look/Steps'
import { say } from '../../words/words'
import type { Item } from '../engine/types'
import { useHolder } from './context'
import { NextLink, useStandings } from './NextLink'
import * as places from './places'
import { titleOf } from './sheets'
import { type FormStanding, figuresToSign, type Next, nextAtStation } from './standing'

export function StationScreen({ tps }: { tps: string }) {
  const holder = useHolder()
  const standings = useStandings(tps)
  const several = holder !== null && holder.scope.length < tps.length
  return (
    <Screen keepPlace title={places.tpsName(tps)} above={tps} back={several ? places.chooser : undefined}>
      <NextCard tps={tps} next={nextAtStation(standings)} standings={standings} />
      <h2>{say('home.forms')}</h2>
      <ul class="plain-list">
        {standings.map((standing) => (
          <li key={standing.form.code} class="card">
            <FormCard tps={tps} standing={standing} />
          </li>
        ))}
      </ul>
    </Screen>
  )
}

function NextCard({ tps, next, standings }: { tps: string; next: Next | null; standings: FormStanding[] }) {
  if (!next) {
    const waiting = standings.some(({ tally, documents }) => notThere(tally) || notThere(documents))
    return (
      <Notice tone={waiting ? 'wait' : 'good'} title={say(waiting ? 'next.wait' : 'next.done')}>
        <p>{say(waiting ? 'next.wait-why' : 'next.done-why')}</p>
      </Notice>
    )
  }
  return (
    <section class="next" aria-label={say('home.next')}>
      <p class="soft">{say('home.next')}</p>
      <NextLink tps={tps} next={next} class="next-button" />
    </section>
  )
}

const notThere = (item: Item | null): boolean => item !== null && item.step !== 'at-centre'

function FormCard({ tps, standing: { form, draft, tally, documents } }: { tps: string; standing: FormStanding }) {
  const unsigned = draft !== null && figuresToSign(draft, tally)
  return (
    <>
      <div class="row apart">
        <div>
          <h3>{form.name}</h3>
          <p class="soft small">{titleOf(form)}</p>
        </div>
        <a class="button" href={places.form(tps, form.code)} aria-label={say('home.open-form', { form: form.name })}>
          {say('home.open')}
        </a>
      </div>
      <ItemLine name={say('home.figures')} item={tally} />
      {unsigned && <Mark tone="wait">{say('home.unsigned')}</Mark>}
      <ItemLine name={say('home.pages', { count: documents?.pages.length ?? 0, all: form.pages })} item={documents} />
    </>
  )
}

function ItemLine({ name, item }: { name: string; item: Item | null }) {
  if (!item) {
    return (
      <p class="item-line">
        <span>{name}</span>
        <span class="soft">{say('home.not-signed')}</span>
      </p>
    )
  }
  const verdict = item.receipt?.verdict
  const bad = verdict === 'refused' || verdict === 'conflict'
  return (
    <a class="item-line" href={places.item(item.id)}>
      <span>{name}</span>
      {bad ? (
        <Mark tone={verdict === 'refused' ? 'bad' : 'wait'}>
          {say(verdict === 'refused' ? 'state.refused' : 'state.in-conflict')}
        </Mark>
      ) : (
        <StepsLine step={item.step} trouble={item.trouble !== null} />
      )}
    </a>
  )
}
