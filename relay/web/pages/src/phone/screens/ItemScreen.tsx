// Where something signed is: four truthful steps, the bytes of its photographs, and what stands in the way.

import { useSignal } from '@preact/signals'
import { explain } from '../../look/explain'
import { Notice } from '../../look/Notice'
import { Screen } from '../../look/Screen'
import { Steps } from '../../look/Steps'
import { moment, size } from '../../look/units'
import { catalogue } from '../../protocol/forms'
import { say } from '../../words/words'
import type { Item, SentPage } from '../engine/types'
import { useEngine } from './context'
import { explainError } from './explainError'
import { DifferenceTable, FiguresTable } from './FiguresTable'
import { NextLink, useStandings } from './NextLink'
import * as places from './places'
import { nextAtStation } from './standing'

export function ItemScreen({ id }: { id: string }) {
  const engine = useEngine()
  const item = engine.items.value.find((one) => one.id === id)
  if (!item) return <Screen title={say('item.unknown')} back={places.home} />
  const form = catalogue.get(item.form)
  const earlier = engine.items.value.find((one) => before(one, item))
  return (
    <Screen
      title={say(`item.${item.kind}`, { form: form?.name ?? item.form })}
      above={`${places.tpsName(item.tps)} · ${say('item.revision', { revision: item.revision })}`}
      back={places.station(item.tps)}
      actions={<WayOn tps={item.tps} />}
    >
      <Standing item={item} />
      <Steps step={item.step} trouble={item.trouble !== null} refused={refused(item)} facts={factsOf(item)} />
      {item.step === 'on-phone' && (
        <button type="button" class="wide" onClick={() => engine.sendNow()}>
          {say('item.send-now')}
        </button>
      )}
      <div class="row ways">
        <a class="button grow" href={places.proof(item.id)}>
          {say('item.proof')}
        </a>
        <a class="button" href={places.form(item.tps, item.form)}>
          {say('item.correct')}
        </a>
      </div>
      {item.pages.length > 0 && item.receipt && !refused(item) && <Forget id={item.id} />}
      {item.pages.length > 0 && <Pages pages={item.pages} all={form?.pages ?? item.pages.length} />}
      {form && item.figures && earlier?.figures && (
        <section class="card">
          <h2>{say('item.changed')}</h2>
          <DifferenceTable form={form} before={earlier.figures} after={item.figures} />
        </section>
      )}
      {form && item.figures && (
        <details>
          <summary class="button">{say('item.all-figures')}</summary>
          <FiguresTable form={form} figures={item.figures} />
        </details>
      )}
      <p class="soft small">
        {say('item.id')} <code>{item.id}</code>
      </p>
    </Screen>
  )
}

/** What comes next at this station; back to it when nothing does. */
function WayOn({ tps }: { tps: string }) {
  const next = nextAtStation(useStandings(tps))
  if (next) return <NextLink tps={tps} next={next} class="grow" />
  return (
    <a class="button main grow" href={places.station(tps)}>
      {say('item.to-station', { tps: places.tpsName(tps) })}
    </a>
  )
}

/** Makes room on the phone, which only the centre's receipt allows. */
function Forget({ id }: { id: string }) {
  const engine = useEngine()
  const said = useSignal<string | null>(null)
  const forget = () =>
    engine.forget(id).then(
      () => {
        said.value = say('item.forgotten')
      },
      (error: unknown) => {
        said.value = explainError(error)
      }
    )
  return (
    <div aria-live="polite">
      {said.value ? (
        <p>{said.value}</p>
      ) : (
        <button type="button" class="wide" onClick={() => void forget()}>
          {say('item.forget')}
        </button>
      )}
    </div>
  )
}

const refused = (item: Item): boolean => item.receipt?.verdict === 'refused'

const before = (one: Item, item: Item): boolean =>
  one.kind === item.kind && one.tps === item.tps && one.form === item.form && one.revision === item.revision - 1

/** Troubles that a new certificate ends. */
const NEEDS_CODE = ['signer-revoked', 'certificate-not-valid-now', 'station-not-signers', 'key-lost']

/** The way to a new certificate, if that ends what one of `codes` says. */
function NewCode({ codes }: { codes: string[] }) {
  if (!codes.some((code) => NEEDS_CODE.includes(code))) return null
  return (
    <a class="button" href={places.newCode}>
      {say('new-code.title')}
    </a>
  )
}

/** The verdict or the trouble, as sentences that say what to do. */
function Standing({ item }: { item: Item }) {
  const { receipt, trouble } = item
  const notes = receipt?.notes ?? []
  return (
    <div aria-live="polite">
      {receipt && (
        <Notice
          tone={receipt.verdict === 'recorded' ? 'good' : receipt.verdict === 'conflict' ? 'wait' : 'bad'}
          title={say(`verdict.${receipt.verdict}`)}
        >
          <p>{say(`verdict.${receipt.verdict}-why`)}</p>
          {notes.length > 0 && receipt.verdict !== 'refused' && <p>{say('item.flags')}</p>}
          {notes.length > 0 && (
            <ul>
              {notes.map((note) => (
                <li key={note}>{explain(note)}</li>
              ))}
            </ul>
          )}
          {refused(item) && <NewCode codes={notes} />}
        </Notice>
      )}
      {trouble && (
        <Notice tone="wait" title={say('item.trouble')}>
          <p>{explain(trouble.code, trouble.detail)}</p>
          <NewCode codes={[trouble.code]} />
        </Notice>
      )}
      {!receipt && !trouble && (
        <Notice>
          <p>{say(`item.now-${item.step}`)}</p>
        </Notice>
      )}
    </div>
  )
}

function factsOf(item: Item): Partial<Record<Item['step'], string>> {
  const facts: Partial<Record<Item['step'], string>> = {
    'on-phone': say('item.signed-at', { at: moment(item.signedAt) })
  }
  if (item.slip) {
    const { relay, number, heldAt, clockSure } = item.slip
    const at = clockSure ? moment(heldAt) : say('item.clock-unsure', { at: moment(heldAt) })
    facts['at-relay'] = say('item.slip', { relay, number, at })
  }
  if (item.receipt) facts['at-centre'] = say('item.receipt', { at: moment(item.receipt.issuedAt) })
  return facts
}

function Pages({ pages, all }: { pages: SentPage[]; all: number }) {
  return (
    <section class="card">
      <h2>{say('form.pages')}</h2>
      <ul class="plain-list">
        {pages.map((page) => {
          const name = say('photo.page', { number: page.number, all })
          const sent = page.slip ? page.sizeBytes : page.sentBytes
          return (
            <li key={page.document} class="page-sent">
              <span>{name}</span>
              <span class="soft">
                {page.slip
                  ? say('item.page-held', { number: page.slip.number })
                  : say('item.page-sent', { sent: size(sent), all: size(page.sizeBytes) })}
              </span>
              <progress max={page.sizeBytes} value={sent} aria-label={name} />
            </li>
          )
        })}
      </ul>
    </section>
  )
}
