// The page at the centre, for a kabupaten and for the country: how far each region is, down to a station's photographs.
import { lazy, Suspense } from 'preact/compat'
import { useEffect } from 'preact/hooks'
import type { NodeView } from '../../holder/relay'
import { route } from '../../look/route'
import { say } from '../../words/words'
import { Frame } from '../parts/Frame'
import { moment } from '../parts/units'
import { listen, liveness } from './live'
import { RegionScreen } from './RegionScreen'
import { addressOf, COUNTRY } from './Trail'

const StationScreen = lazy(() => import('./StationScreen').then((part) => part.StationScreen))
const TotalsScreen = lazy(() => import('./TotalsScreen').then((part) => part.TotalsScreen))

const VILLAGE_DIGITS = 10

export function CentrePage({ node }: { node: NodeView }) {
  const [place, asked = ''] = route.value
  const scope = asked === COUNTRY ? '' : asked
  useEffect(() => listen(scope), [scope])
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

const titleOf = (place: string | undefined): string =>
  say(place === 'tps' ? 'centre.station' : place === 'totals' ? 'totals.title' : 'centre.progress')

const placesOf = (scope: string) => [
  { address: addressOf(scope.slice(0, VILLAGE_DIGITS)), name: say('centre.progress') },
  { address: addressOf(scope.slice(0, VILLAGE_DIGITS), 'totals'), name: say('totals.place') }
]

function Aside() {
  const live = liveness.value
  return (
    <span class={`liveness ${live.state}`} role="status">
      {live.state === 'lost' ? say('ppk.lost', { since: moment(live.since) }) : say(`ppk.${live.state}`)}
    </span>
  )
}
