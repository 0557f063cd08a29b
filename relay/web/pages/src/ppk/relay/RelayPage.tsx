// The PPK's page at a relay: who looks (operator, screen, nobody yet), and which screen.
import { signal } from '@preact/signals'
import { lazy, Suspense } from 'preact/compat'
import { useEffect } from 'preact/hooks'
import type { Session } from '../../holder'
import { logout } from '../../holder'
import { type Problem, problemOf } from '../../holder/problem'
import type { NodeView } from '../../holder/relay'
import { Notice } from '../../look/Notice'
import { at, go, route } from '../../look/route'
import { say } from '../../words/words'
import { board, changes, ended, follow, leave, liveness, stations, status } from '../live'
import { Frame } from '../parts/Frame'
import { Trouble } from '../parts/Trouble'
import { moment } from '../parts/units'
import { BoardScreen } from './BoardScreen'
import { mayAct, session } from './session'

const later = {
  login: () => import('./LoginScreen'),
  station: () => import('./StationScreen'),
  resolve: () => import('./ResolveScreen'),
  queue: () => import('./QueueScreen'),
  totals: () => import('./TotalsScreen'),
  phones: () => import('./PhonesScreen')
}
const LoginScreen = lazy(() => later.login().then((part) => part.LoginScreen))
const StationScreen = lazy(() => later.station().then((part) => part.StationScreen))
const ResolveScreen = lazy(() => later.resolve().then((part) => part.ResolveScreen))
const QueueScreen = lazy(() => later.queue().then((part) => part.QueueScreen))
const TotalsScreen = lazy(() => later.totals().then((part) => part.TotalsScreen))
const PhonesScreen = lazy(() => later.phones().then((part) => part.PhonesScreen))

const trouble = signal<Problem | null>(null)

export function RelayPage({ node }: { node: NodeView }) {
  useEffect(() => enter(node.session), [node])
  useEffect(() => {
    if (ended.value) session.value = null
  }, [ended.value])
  if (!session.value || (route.value[0] === 'login' && !mayAct())) {
    return (
      <Frame title={say('login.title')} owner={node.name || node.id} places={session.value ? places() : []}>
        {ended.value && <Notice tone="wait">{say('login.ended')}</Notice>}
        <Suspense fallback={<p>…</p>}>
          <LoginScreen node={node} onLoggedIn={enter} />
        </Suspense>
      </Frame>
    )
  }
  return (
    <Frame title={titleOf()} owner={node.name || node.id} places={places()} aside={<Aside />}>
      {trouble.value && <Trouble problem={trouble.value} again={() => enter(session.value)} />}
      {status.value?.clock.sure === false && <Notice tone="wait">{say('ppk.clock-unsure')}</Notice>}
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
  if (route.value[0] === 'login') go(at(), 'replace')
  follow().then(loadAll, (error: unknown) => {
    trouble.value = problemOf(error)
  })
}

/** The other screens, once the board is there: the relay may be away, or a newer one, when they are wanted. */
function loadAll(): void {
  for (const load of Object.values(later)) void load().catch(() => undefined)
}

async function logOut(): Promise<void> {
  try {
    await logout()
  } catch (error) {
    trouble.value = problemOf(error) // the cookie is still there: who thinks that he left has not
    return
  }
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
  const conflicts = [...stations.values()].filter((entry) => entry.standing.peek() === 'conflict').length
  const links = [
    { address: at(), name: say('board.place'), count: conflicts, countMeans: say('standing.conflict') },
    { address: at('totals'), name: say('totals.place') },
    { address: at('queue'), name: say('queue.place') }
  ]
  const more = mayAct()
    ? { address: at('phones'), name: say('phones.place') }
    : { address: at('login'), name: say('login.title') }
  return [...links, more]
}

function Aside() {
  const live = liveness.value
  const oldest = status.value?.oldest_without_receipt_seconds
  return (
    <>
      <span class={`liveness ${live.state}`} role="status">
        {live.state === 'lost' ? say('ppk.lost', { since: moment(live.since) }) : say(`ppk.${live.state}`)}
      </span>
      {oldest === null && live.state === 'live' && <span class="soft desk-only">{say('ppk.all-at-centre')}</span>}
      {mayAct() && (
        <button type="button" class="quiet" onClick={() => void logOut()}>
          {say('login.out')}
        </button>
      )}
    </>
  )
}
