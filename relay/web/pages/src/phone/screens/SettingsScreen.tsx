// Language, who this phone is, what it keeps, and which relay and which KPU it trusts.

import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { Screen } from '../../look/Screen'
import { inFours, moment, size } from '../../look/units'
import { say } from '../../words/words'
import { useEngine, useHolder } from './context'
import { install } from './install'
import { LanguageChoice } from './LanguageChoice'
import * as places from './places'

export function SettingsScreen() {
  const engine = useEngine()
  const holder = useHolder()
  const { name, scope, reachable, lastContact } = engine.relay.value
  const { persistent, usedBytes, quotaBytes } = engine.storage.value
  return (
    <Screen title={say('settings.title')} back={places.home}>
      <section class="card">
        <h2>{say('settings.language')}</h2>
        <LanguageChoice />
      </section>
      <Install />
      {holder && (
        <Facts title={say('settings.phone')}>
          <Fact name={say('settings.name')}>{holder.name}</Fact>
          <Fact name={say('settings.scope')}>{holder.scope}</Fact>
          <Fact name={say('settings.valid')}>{moment(holder.notAfter)}</Fact>
          <Fact name={say('settings.certificate')}>
            <span class="fingerprint">{inFours(holder.x5t)}</span>
          </Fact>
        </Facts>
      )}
      {holder && (
        <a class="button wide" href={places.newCode}>
          {say('new-code.title')}
        </a>
      )}
      <Facts title={say('settings.relay')}>
        <Fact name={say('settings.relay-name')}>{name || '–'}</Fact>
        <Fact name={say('settings.scope')}>{scope || '–'}</Fact>
        <Fact name={say('settings.contact')}>
          {reachable ? say('settings.now') : lastContact ? moment(lastContact) : say('settings.never')}
        </Fact>
      </Facts>
      <Facts title={say('settings.storage')}>
        <Fact name={say('settings.used')}>
          {say('settings.used-of', { used: size(usedBytes), all: size(quotaBytes) })}
        </Fact>
        <Fact name={say('settings.kept')}>{say(persistent ? 'settings.kept-yes' : 'settings.kept-no')}</Fact>
        <Offline />
      </Facts>
      {holder && (
        <section class="card">
          <h2>{say('settings.root')}</h2>
          <p>{say('settings.root-why')}</p>
          <p class="fingerprint">{inFours(holder.root)}</p>
        </section>
      )}
    </Screen>
  )
}

function Facts({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="card">
      <h2>{title}</h2>
      <dl class="facts">{children}</dl>
    </section>
  )
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

/** Whether the page opens without a network: only a service worker makes that so. */
function Offline() {
  const ready = useSignal(false)
  useEffect(() => {
    navigator.serviceWorker?.getRegistration().then(
      (registration) => {
        ready.value = registration?.active != null
      },
      () => undefined
    )
  }, [ready])
  return <Fact name={say('settings.offline')}>{say(ready.value ? 'settings.offline-yes' : 'settings.offline-no')}</Fact>
}

function Install() {
  const offer = install.value
  if (!offer) return null
  return (
    <button type="button" class="wide" onClick={() => void offer.prompt()}>
      {say('settings.install')}
    </button>
  )
}
