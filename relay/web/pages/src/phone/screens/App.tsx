// Which screen the address names. What is rarely seen is loaded when it is first reached.

import { signal } from '@preact/signals'
import type { ComponentType, VNode } from 'preact'
import { useEffect, useErrorBoundary } from 'preact/hooks'
import { Notice } from '../../look/Notice'
import { go, route } from '../../look/route'
import { Screen } from '../../look/Screen'
import { catalogue } from '../../protocol/forms'
import { recall, remember } from '../../words/memory'
import { say } from '../../words/words'
import type { Engine, Holder } from '../engine/types'
import { ChooserScreen } from './ChooserScreen'
import { EngineProvider } from './context'
import { FormScreen } from './FormScreen'
import { ItemScreen } from './ItemScreen'
import { Notices } from './Notices'
import { Opening } from './Opening'
import { PhotographsScreen } from './PhotographsScreen'
import * as places from './places'
import { ReviewScreen } from './ReviewScreen'
import { SheetScreen } from './SheetScreen'
import { StationScreen } from './StationScreen'

const ProofScreen = later(() => import('./ProofScreen').then((module) => module.ProofScreen))
const SettingsScreen = later(() => import('./SettingsScreen').then((module) => module.SettingsScreen))
const WelcomeScreen = later(() => import('./WelcomeScreen').then((module) => module.WelcomeScreen))
const NewCodeScreen = later(() => import('./WelcomeScreen').then((module) => module.NewCodeScreen))

const LAST_TPS = 'tps'
const TPS_DIGITS = 13

export function App({ engine }: { engine: Engine }) {
  return (
    <EngineProvider value={engine}>
      <TopBar engine={engine} />
      <Notices />
      <Guarded key={route.value.join('/')} engine={engine} parts={route.value} />
    </EngineProvider>
  )
}

/** A screen, or a sentence in its place if it broke: the way to the other screens stays. */
function Guarded(props: { engine: Engine; parts: string[] }) {
  const [error] = useErrorBoundary((broken) => console.error(broken))
  if (error === undefined) return <Place {...props} />
  return <Broken />
}

function Broken() {
  return (
    <Screen title={say('app.broken')} back={places.home}>
      <Notice tone="bad" live="alert">
        <p>{say('app.broken-why')}</p>
        <button type="button" class="main" onClick={() => location.reload()}>
          {say('app.reload-now')}
        </button>
      </Notice>
    </Screen>
  )
}

function TopBar({ engine }: { engine: Engine }) {
  const { reachable, name, trouble } = engine.relay.value
  return (
    <nav class="top-bar" aria-label={say('app.name')}>
      <a class="app-name" href={places.home}>
        {say('app.name')}
      </a>
      <span class={reachable ? 'relay-state reachable' : 'relay-state'}>
        <span class="visually-hidden">{say('settings.relay')}: </span>
        {reachable ? name || say('app.relay') : say(trouble ? 'app.no-relay' : 'app.looking')}
      </span>
      <a class="button gear" href={places.settings}>
        <span class="visually-hidden">{say('settings.title')}</span>
        <span aria-hidden="true">⚙</span>
      </a>
    </nav>
  )
}

function Place({ engine, parts }: { engine: Engine; parts: string[] }): VNode {
  const [first, second, third] = parts
  const enrolment = engine.enrolment.value
  if (first === 'settings') return <SettingsScreen />
  if (first === 'item' && second) return third === 'proof' ? <ProofScreen id={second} /> : <ItemScreen id={second} />
  if (enrolment.state !== 'enrolled') return <WelcomeScreen />
  if (first === 'enrol') return <NewCodeScreen />
  const { holder } = enrolment
  if (holder.role === 'ppk') return <OperatorsPhone />
  if (first === undefined) return <Start holder={holder} />
  if (first === 'tps' && second) return <Station holder={holder} parts={parts} />
  return <ChooserScreen holder={holder} />
}

function Station({ holder, parts: [, tps = '', code, place, id] }: { holder: Holder; parts: string[] }): VNode {
  const form = catalogue.get(Number(code))
  const ours = tps.length === TPS_DIGITS && tps.startsWith(holder.scope)
  useEffect(() => {
    if (ours) remember('browser', LAST_TPS, tps)
  }, [ours, tps])
  if (!ours) return <ChooserScreen holder={holder} />
  if (!form) return <StationScreen tps={tps} />
  if (place === 'fill' && id) return <SheetScreen tps={tps} form={form} id={id} />
  if (place === 'photographs') return <PhotographsScreen tps={tps} form={form} />
  if (place === 'review') return <ReviewScreen tps={tps} form={form} />
  return <FormScreen tps={tps} form={form} />
}

/** The bare address: the only station there is, the last one, or the choice. */
function Start({ holder }: { holder: Holder }) {
  const last = recall('browser', LAST_TPS) ?? ''
  const tps = last.startsWith(holder.scope) && last.length === TPS_DIGITS ? last : holder.scope
  const place = tps.length === TPS_DIGITS ? places.station(tps) : places.chooser
  useEffect(() => go(place, 'replace'), [place])
  return null
}

function OperatorsPhone() {
  return (
    <Screen title={say('app.operator')}>
      <Notice>
        <p>{say('app.operator-why')}</p>
        <a class="button main" href="/ppk/">
          {say('app.operator-open')}
        </a>
      </Notice>
    </Screen>
  )
}

/** A screen in a file of its own; what it needs is fetched (or taken from the service worker) when it is reached. */
function later<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  const loaded = signal<ComponentType<Props> | null>(null)
  const failed = signal(false)
  return (props: Props) => {
    const Loaded = loaded.value
    useEffect(() => {
      load().then(
        (found) => {
          loaded.value = found
        },
        () => {
          failed.value = true
        }
      )
    }, [])
    if (Loaded) return <Loaded {...props} />
    return <Opening title={say('app.name')} back={places.home} problem={failed.value ? say('common.no-part') : null} />
  }
}
