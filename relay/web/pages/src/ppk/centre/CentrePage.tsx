// The page at the centre, for a kabupaten and for the country: how far each region is, down to a station's photographs.
import { signal } from '@preact/signals'
import { lazy, Suspense } from 'preact/compat'
import { useEffect } from 'preact/hooks'
import { at, route } from '../../look/route'
import { say } from '../../words/words'
import { Frame } from '../parts/Frame'
import type { NodeView } from '../shapes'
import { RegionScreen } from './RegionScreen'

const StationScreen = lazy(() => import('./StationScreen').then((part) => part.StationScreen))
const TotalsScreen = lazy(() => import('./TotalsScreen').then((part) => part.TotalsScreen))

/** Grows by one whenever the centre says that something has changed. */
export const changes = signal(0)
const live = signal<'connecting' | 'live' | 'lost'>('connecting')

export function CentrePage({ node }: { node: NodeView }) {
  useEffect(listen, [])
  const [place, scope = ''] = route.value
  return (
    <Frame title={titleOf(place)} owner={node.name || node.id} places={placesOf(scope)} aside={<Aside />}>
      <Suspense fallback={<p>…</p>}>
        {place === 'tps' ? (
          <StationScreen tps={scope} />
        ) : place === 'totals' ? (
          <TotalsScreen scope={scope} forms={node.forms} />
        ) : (
          <RegionScreen scope={scope} />
        )}
      </Suspense>
    </Frame>
  )
}

function listen(): () => void {
  const source = new EventSource('/v1/events') // comes back by itself when it is cut
  source.addEventListener('open', () => {
    live.value = 'live'
  })
  source.addEventListener('changed', () => {
    changes.value += 1
  })
  source.addEventListener('error', () => {
    live.value = 'lost'
  })
  return () => source.close()
}

const titleOf = (place: string | undefined): string =>
  say(place === 'tps' ? 'centre.station' : place === 'totals' ? 'totals.title' : 'centre.progress')

const placesOf = (scope: string) => [
  { address: at('region', scope.slice(0, 10)), name: say('centre.progress') },
  { address: at('totals', scope.slice(0, 10)), name: say('totals.place') }
]

const Aside = () => (
  <span class={`live ${live.value}`} role="status">
    {say(live.value === 'lost' ? 'centre.lost' : `ppk.${live.value}`)}
  </span>
)
