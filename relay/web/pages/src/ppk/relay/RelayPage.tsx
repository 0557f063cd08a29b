// The PPK's page at a relay: who looks (operator, screen, nobody yet), and which screen.
import { signal } from '@preact/signals'
import { lazy, Suspense } from 'preact/compat'
import { useEffect } from 'preact/hooks'
import { logout } from '../../holder'
import { type Problem, problemOf } from '../../holder/problem'
import { at, route } from '../../look/route'
import { say } from '../../words/words'
import { board, changes, ended, follow, leave, liveness, stations, status } from '../live'
import { Frame } from '../parts/Frame'
import { Trouble } from '../parts/Trouble'
import { moment } from '../parts/units'
import type { NodeView, Session } from '../shapes'
import { BoardScreen } from './BoardScreen'
import { mayAct, session } from './session'

const LoginScreen = lazy(() => import('./LoginScreen').then((part) => part.LoginScreen))
const StationScreen = lazy(() => import('./StationScreen').then((part) => part.StationScreen))
const ResolveScreen = lazy(() => import('./ResolveScreen').then((part) => part.ResolveScreen))
const QueueScreen = lazy(() => import('./QueueScreen').then((part) => part.QueueScreen))
const TotalsScreen = lazy(() => import('./TotalsScreen').then((part) => part.TotalsScreen))
const PhonesScreen = lazy(() => import('./PhonesScreen').then((part) => part.PhonesScreen))

const trouble = signal<Problem | null>(null)

export function RelayPage({ node }: { node: NodeView }) {
  useEffect(() => enter(node.session), [node])
  useEffect(() => {
    if (ended.value) session.value = null
  }, [ended.value])
  if (!session.value) {
    return (
      <Frame title={say('login.title')} owner={node.name || node.id} places={[]}>
        {ended.value && <p class="notice wait">{say('login.ended')}</p>}
        <Suspense fallback={<p>…</p>}>
          <LoginScreen node={node} onLoggedIn={enter} />
        </Suspense>
      </Frame>
    )
  }
  return (
    <Frame title={titleOf()} owner={node.name || node.id} places={places()} aside={<Aside />}>
      {trouble.value && <Trouble problem={trouble.value} again={() => enter(session.value)} />}
      {!node.clock_sure && <p class="notice wait">{say('ppk.clock-unsure')}</p>}
      {board.value ? (
        <Suspense fallback={<p>…</p>}>{screen(node)}</Suspense>
      ) : (
        !trouble.value && <p>{say('ppk.opening')}</p>
      )}
    </Frame>
  )
}

function enter(found: Session | null): void {
  session.value = found
  trouble.value = null
  if (!found) return
  follow().catch((error: unknown) => {
    trouble.value = problemOf(error)
  })
}

async function logOut(): Promise<void> {
  await logout().catch(() => undefined)
  leave()
  session.value = null
}

function screen(node: NodeView) {
  const [place, tps, form] = route.value
  if (place === 'tps' && tps && form) return <ResolveScreen tps={tps} form={Number(form)} />
  if (place === 'tps' && tps) return <StationScreen tps={tps} />
  if (place === 'queue') return <QueueScreen />
  if (place === 'totals') return <TotalsScreen scope={node.scope} />
  if (place === 'phones' && mayAct()) return <PhonesScreen node={node} />
  return <BoardScreen />
}

function titleOf(): string {
  const [place, tps, form] = route.value
  if (place === 'tps' && tps && form) return say('resolve.title', { tps: Number(tps.slice(10)) })
  if (place === 'tps' && tps) return say('station.title', { tps: Number(tps.slice(10)) })
  return say(place && ['queue', 'totals', 'phones'].includes(place) ? `${place}.title` : 'board.title')
}

function places() {
  void changes.value
  const conflicts = [...stations.values()].filter((station) => station.peek().conflicts.length > 0).length
  const links = [
    { address: at(), name: say('board.place'), count: conflicts },
    { address: at('totals'), name: say('totals.place') },
    { address: at('queue'), name: say('queue.place') }
  ]
  return mayAct() ? [...links, { address: at('phones'), name: say('phones.place') }] : links
}

function Aside() {
  const live = liveness.value
  const oldest = status.value?.oldest_without_receipt_seconds
  return (
    <>
      <span class={`live ${live.state}`} role="status">
        {live.state === 'lost' ? say('ppk.lost', { since: moment(live.since / 1000) }) : say(`ppk.${live.state}`)}
      </span>
      {oldest === null && <span class="soft">{say('ppk.all-at-centre')}</span>}
      {mayAct() && (
        <button type="button" class="quiet" onClick={() => void logOut()}>
          {say('login.out')}
        </button>
      )}
    </>
  )
}
