// The PPK's page at a relay, and the page of the same build at the centre: which of the two, the node says.
import '../look/look.css'
import '../look/parts.css'
import './css/frame.css'
import './css/board.css'
import './css/evidence.css'
import './css/last.css'
import { render } from 'preact'
import { problemOf } from '../holder/problem'
import * as relay from '../holder/relay'
import { language, say, speak } from '../words/words'
import { Trouble } from './parts/Trouble'

const page = document.getElementById('page')

async function open(into: HTMLElement): Promise<void> {
  render(<p class="soft">{say('ppk.opening')}</p>, into)
  try {
    const node = await relay.node()
    const Page =
      node.kind === 'relay'
        ? (await import('./relay/RelayPage')).RelayPage
        : (await import('./centre/CentrePage')).CentrePage
    document.title = node.kind === 'relay' ? say('ppk.title') : say('centre.title')
    render(<Page node={node} />, into)
  } catch (error) {
    const problem = problemOf(error)
    render(<Trouble problem={problem} again={() => void open(into)} />, into)
  }
}

speak(language.value)
if (page) void open(page)
