// How far a region is, and each part of it; a press goes one level down, to the stations of a village at last.
import { at } from '../../look/route'
import { number, say } from '../../words/words'
import { Trouble } from '../parts/Trouble'
import { stationName } from '../parts/units'
import type { Progress } from '../shapes'
import { useAnswer } from './useAnswer'

interface Status {
  scope: string
  level: string
  name: string
  total: Progress
  parts: Progress[]
}

const ABOVE: Record<number, number> = { 2: 0, 4: 2, 6: 4, 10: 6, 13: 10 }

export function RegionScreen({ scope }: { scope: string }) {
  const { value, problem } = useAnswer<Status>(`/v1/status?scope=${encodeURIComponent(scope)}`)
  return (
    <>
      <Trail scope={scope} />
      {problem && <Trouble problem={problem} />}
      {value && (
        <>
          <h2>{value.name || (scope ? `${value.level} ${scope}` : say('centre.country'))}</h2>
          <p class="headline">
            {say('centre.headline', { with: number(value.total.with_tally), of: number(value.total.tps) })}
          </p>
          <Bar progress={value.total} />
          {value.parts.length === 0 ? <p class="notice wait">{say('centre.empty')}</p> : <Parts parts={value.parts} />}
          <Downloads scope={scope} />
        </>
      )}
    </>
  )
}

/** The regions above, each a way back. */
export function Trail({ scope }: { scope: string }) {
  const steps: string[] = []
  for (let above = scope; above.length > 0; above = above.slice(0, ABOVE[above.length] ?? 0)) steps.unshift(above)
  return (
    <nav class="trail" aria-label={say('centre.trail')}>
      <a href={at('region')}>{say('centre.country')}</a>
      {steps.map((step) => (
        <a key={step} href={step.length === 13 ? at('tps', step) : at('region', step)}>
          {step}
        </a>
      ))}
    </nav>
  )
}

function Parts({ parts }: { parts: Progress[] }) {
  return (
    <table class="parts">
      <thead>
        <tr>
          <th scope="col">{say('centre.region')}</th>
          <th scope="col">{say('centre.with-tally')}</th>
          <th scope="col" class="wide">
            {say('centre.share')}
          </th>
          <th scope="col">{say('standing.conflict')}</th>
          <th scope="col">{say('standing.flagged')}</th>
          <th scope="col" class="wide">
            {say('centre.with-photographs')}
          </th>
        </tr>
      </thead>
      <tbody>
        {parts.map((part) => (
          <tr key={part.scope}>
            <th scope="row">
              <a href={part.scope.length === 13 ? at('tps', part.scope) : at('region', part.scope)}>
                {part.name || (part.scope.length === 13 ? stationName(part.scope) : part.scope)}
              </a>
            </th>
            <td class="figure">
              {number(part.with_tally)} / {number(part.tps)}
            </td>
            <td class="wide">
              <Bar progress={part} />
            </td>
            <td class="figure">{part.in_conflict || ''}</td>
            <td class="figure">{part.flagged || ''}</td>
            <td class="figure wide">{number(part.with_photographs)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Bar({ progress }: { progress: Progress }) {
  const of = Math.max(progress.tps, progress.with_tally, 1)
  const share = Math.round((progress.with_tally / of) * 1000) / 10
  return <meter min={0} max={of} value={progress.with_tally} aria-label={`${number(share)} %`} />
}

function Downloads({ scope }: { scope: string }) {
  if (scope.length < 6) return null // a country's stations are no sheet
  return (
    <p class="downloads no-print">
      {(['pdf', 'xlsx', 'csv'] as const).map((kind) => (
        <a
          key={kind}
          class="button"
          href={`/v1/sheets/stations.${kind}?scope=${scope}`}
          download={`stations-${scope}.${kind}`}
        >
          {say(`board.download-${kind}`)}
        </a>
      ))}
    </p>
  )
}
