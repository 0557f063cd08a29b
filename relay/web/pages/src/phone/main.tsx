// The phone's page: opens the engine, then shows the screens; or says plainly why it cannot.

import '../look/look.css'
import '../look/parts.css'
import './screens/phone.css'
import { render, type VNode } from 'preact'
import { explain } from '../look/explain'
import { Notice } from '../look/Notice'
import { Screen } from '../look/Screen'
import { language, say, speak } from '../words/words'
import { createEngine } from './engine'
import { App } from './screens/App'
import { explainError } from './screens/explainError'
import { watchForInstall } from './screens/install'
import { watchForAccidents, watchForOtherTab, watchForWorker } from './screens/surroundings'

const page = document.getElementById('page')

async function open(into: HTMLElement): Promise<void> {
  try {
    if (!window.isSecureContext) {
      show(<CannotOpen why={explain('insecure-context')} more={say('app.insecure-how')} />, into)
      return
    }
    watchForInstall()
    watchForAccidents()
    const engine = await createEngine()
    watchForOtherTab()
    watchForWorker()
    show(<App engine={engine} />, into)
  } catch (error) {
    show(<CannotOpen why={explainError(error)} more={say('app.reload')} />, into)
  }
}

/** In place of what index.html says until then. */
function show(what: VNode, into: HTMLElement): void {
  into.replaceChildren()
  render(what, into)
}

function CannotOpen({ why, more }: { why: string; more: string }) {
  return (
    <Screen title={say('app.cannot-open')}>
      <Notice tone="bad" live="alert">
        <p>{why}</p>
      </Notice>
      <p>{more}</p>
    </Screen>
  )
}

speak(language.value)
if (page) void open(page)
