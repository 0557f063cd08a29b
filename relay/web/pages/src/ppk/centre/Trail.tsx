// The regions above, each a way back.
import { at } from '../../look/route'
import { say } from '../../words/words'
import { stationName } from '../parts/units'
import { nameOf } from './names'

/** How many digits name a country, a province, a kabupaten, a kecamatan, a village, a station. */
const DIGITS = [0, 2, 4, 6, 10, 13]

/** The whole country in an address, in which nothing may be empty. */
export const COUNTRY = 'all'

/** `place`: the screen that is shown of each of them. */
export function Trail({ scope, place = 'region' }: { scope: string; place?: 'region' | 'totals' }) {
  const steps = DIGITS.filter((digits) => digits <= scope.length).map((digits) => scope.slice(0, digits))
  return (
    <nav class="trail no-print" aria-label={say('centre.trail')}>
      <ol>
        {steps.map((step) => (
          <li key={step}>
            <a href={addressOf(step, place)} aria-current={step === scope ? 'location' : undefined}>
              {step === '' ? say('centre.country') : step.length === 13 ? stationName(step) : nameOf(step)}
            </a>
          </li>
        ))}
      </ol>
    </nav>
  )
}

export function addressOf(scope: string, place: 'region' | 'totals' = 'region'): string {
  if (scope === '') return at(place)
  return at(scope.length === 13 ? 'tps' : place, scope)
}
