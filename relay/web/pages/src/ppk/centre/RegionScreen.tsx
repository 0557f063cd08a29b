// How far a region is, and each part of it; a press goes one level down, to the stations of a village at last.
import { useEffect } from 'preact/hooks'
import { Notice } from '../../look/Notice'
import { number, say } from '../../words/words'
import { Trouble } from '../parts/Trouble'
import { coverage, stationName } from '../parts/units'
import { useAnswer } from '../parts/useAnswer'
import type { Progress } from '../shapes'
import { changes } from './live'
import { nameOf, remember } from './names'
import { addressOf, Trail } from './Trail'

/** A kecamatan or less: what is larger has too many stations for one sheet. */
const SHEET_DIGITS_LEAST = 6

interface Status {
  scope: string
  level: string
  name: string
  total: Progress
  parts: Progress[]
}

export function RegionScreen({ scope }: { scope: string }) {
  const { value, problem } = useAnswer<Status>(`/v1/status?scope=${encodeURIComponent(scope)}`, changes.value)
  useEffect(() => {
    if (value) remember([value, ...value.parts])
  }, [value])
  return (
    <>
      <Trail scope={scope} />
      {problem && <Trouble problem={problem} />}
      {value && (
        <>
          <h2>{scope ? nameOf(scope) : say('centre.country')}</h2>
          <p class="headline">{coverage(value.total.with_tally, value.total.tps)}</p>
          <Bar progress={value.total} />
          <Doubts progress={value.total} />
          {value.parts.length === 0 ? (
            <Notice tone="wait">{say('centre.empty')}</Notice>
          ) : (
            <Parts parts={value.parts} />
          )}
          <Downloads scope={scope} />
        </>
      )}
    </>
  )
}

function Doubts({ progress: { in_conflict, flagged, with_photographs } }: { progress: Progress }) {
  return (
    <p class="soft">
      {say('centre.doubts', {
        conflicts: number(in_conflict),
        flagged: number(flagged),
        photographs: number(with_photographs)
      })}
    </p>
  )
}

function Parts({ parts }: { parts: Progress[] }) {
  return (
    <table class="parts">
      <thead>
        <tr>
          <th scope="col">{say('centre.region')}</th>
          <th scope="col" class="figure">
            {say('centre.with-tally')}
          </th>
          <th scope="col" class="desk-only">
            {say('centre.share')}
          </th>
          <th scope="col" class="figure">
            {say('standing.conflict')}
          </th>
          <th scope="col" class="figure">
            {say('standing.flagged')}
          </th>
          <th scope="col" class="figure desk-only">
            {say('centre.with-photographs')}
          </th>
        </tr>
      </thead>
      <tbody>
        {parts.map((part) => (
          <Part key={part.scope} part={part} />
        ))}
      </tbody>
    </table>
  )
}

const Part = ({ part }: { part: Progress }) => (
  <tr class={part.with_tally < part.tps ? 'open' : ''}>
    <th scope="row">
      <a href={addressOf(part.scope)}>
        {part.name || (part.scope.length === 13 ? stationName(part.scope) : part.scope)}
      </a>
    </th>
    <td class="figure">
      {number(part.with_tally)}
      {part.tps > 0 && ` / ${number(part.tps)}`}
    </td>
    <td class="desk-only">
      <Bar progress={part} />
    </td>
    <td class="figure">{part.in_conflict ? number(part.in_conflict) : ''}</td>
    <td class="figure">{part.flagged ? number(part.flagged) : ''}</td>
    <td class="figure desk-only">{number(part.with_photographs)}</td>
  </tr>
)

function Bar({ progress }: { progress: Progress }) {
  const of = Math.max(progress.tps, progress.with_tally, 1)
  const share = Math.round((progress.with_tally / of) * 1000) / 10
  return <meter min={0} max={of} value={progress.with_tally} aria-label={`${number(share)} %`} />
}

function Downloads({ scope }: { scope: string }) {
  if (scope.length < SHEET_DIGITS_LEAST) return null
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
