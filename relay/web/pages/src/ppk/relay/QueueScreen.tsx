// What waits, on which uplink it goes, and when it may be through; the stick, and when it may be taken out.
import { useState } from 'preact/hooks'
import { ask } from '../../holder/http'
import { type Problem, problemOf } from '../../holder/problem'
import { Mark } from '../../look/Mark'
import { Notice } from '../../look/Notice'
import { size } from '../../look/units'
import { number, say } from '../../words/words'
import { status } from '../live'
import { Trouble } from '../parts/Trouble'
import { moment, rate, span } from '../parts/units'
import type { Drive, Status, Uplink, Waiting } from '../shapes'
import { mayAct } from './session'

const SAFE = new Set(['safe to remove', 'stick full'])
const AT_WORK = new Set(['reading', 'writing', 'verifying'])

export function QueueScreen() {
  const now = status.value
  if (!now) return <p class="soft">{say('ppk.opening')}</p>
  return (
    <>
      <Queue now={now} />
      <h2>{say('queue.uplinks')}</h2>
      {now.uplinks.length === 0 && <Notice tone="wait">{say('queue.no-uplink')}</Notice>}
      <ul class="cards">
        {now.uplinks.map((uplink) => (
          <UplinkCard key={uplink.name} uplink={uplink} />
        ))}
      </ul>
      {now.drives.length > 0 && <h2>{say('queue.drives')}</h2>}
      <ul class="cards">
        {now.drives.map((drive) => (
          <DriveCard key={drive.name} drive={drive} />
        ))}
      </ul>
      <Neighbours now={now} />
    </>
  )
}

function Queue({ now }: { now: Status }) {
  const oldest = now.oldest_without_receipt_seconds
  if (oldest === null) return <Notice tone="good">{say('ppk.all-at-centre')}</Notice>
  return (
    <div class="card">
      <p class="headline">{say('queue.oldest', { span: span(oldest) })}</p>
      <table>
        <thead>
          <tr>
            <th scope="col">{say('queue.class')}</th>
            <th scope="col" class="figure">
              {say('queue.count')}
            </th>
            <th scope="col" class="figure">
              {say('queue.left')}
            </th>
            <th scope="col">{say('queue.eta')}</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(now.waiting).map(([name, waiting]) => (
            <tr key={name}>
              <th scope="row">{say(`queue.class.${name}`)}</th>
              <td class="figure">{number(waiting.count)}</td>
              <td class="figure">{size(waiting.bytes_left)}</td>
              <td>{etaOf(waiting)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function etaOf(waiting: Waiting): string {
  if (waiting.count === 0) return say('queue.none')
  return waiting.eta_seconds === null
    ? say('queue.nobody-carries')
    : say('queue.about', { span: span(waiting.eta_seconds) })
}

function UplinkCard({ uplink }: { uplink: Uplink }) {
  const works = uplink.state === 'up' || uplink.state === 'resting'
  return (
    <li class={`card uplink ${uplink.state}`}>
      <h3>
        {uplink.name}{' '}
        <Mark tone={works ? 'good' : uplink.state === 'down' ? 'bad' : 'wait'}>{say(`uplink.${uplink.state}`)}</Mark>
      </h3>
      <dl>
        <dt>{say('uplink.rate')}</dt>
        <dd>{rate(uplink.rate_bytes_per_second)}</dd>
        {uplink.budget_bytes_left !== null && (
          <>
            <dt>{say('uplink.budget')}</dt>
            <dd>{size(uplink.budget_bytes_left)}</dd>
          </>
        )}
        <dt>{say('uplink.last-success')}</dt>
        <dd>{uplink.last_success ? moment(uplink.last_success) : say('uplink.never')}</dd>
        {uplink.state === 'down' && (
          <>
            <dt>{say('uplink.retry')}</dt>
            <dd>{span(uplink.retry_in_seconds)}</dd>
          </>
        )}
        {uplink.now && (
          <>
            <dt>{say('uplink.now')}</dt>
            <dd lang="en">{uplink.now}</dd>
          </>
        )}
      </dl>
      {uplink.reason && (
        <p class="soft" lang="en">
          {uplink.reason}
        </p>
      )}
    </li>
  )
}

function DriveCard({ drive }: { drive: Drive }) {
  const [problem, setProblem] = useState<Problem | null>(null)
  const serveAgain = async (): Promise<void> => {
    setProblem(null)
    await ask(`/v1/drives/${encodeURIComponent(drive.name)}/visit`, { method: 'POST' }).catch((error) =>
      setProblem(problemOf(error))
    )
  }
  const share = drive.bytes_total ? drive.bytes_done / drive.bytes_total : 0
  return (
    <li class="card drive">
      <h3>
        {drive.name} {drive.stick && <span class="soft">{drive.stick}</span>}
      </h3>
      <p class={`stick ${SAFE.has(drive.state) ? 'safe' : ''}`} role="status">
        {say(`drive.${drive.state.replaceAll(' ', '-')}`)}
      </p>
      {AT_WORK.has(drive.state) && (
        <>
          <progress max={1} value={share} aria-label={say('drive.progress')} />
          <p>
            {say('drive.done', {
              done: size(drive.bytes_done),
              total: size(drive.bytes_total),
              speed: rate(drive.bytes_per_second),
              left: span(drive.seconds_left)
            })}
          </p>
        </>
      )}
      {drive.left_out > 0 && <Notice tone="wait">{say('drive.left-out', { count: number(drive.left_out) })}</Notice>}
      {drive.receipts_filed > 0 && <p>{say('drive.receipts', { count: drive.receipts_filed })}</p>}
      <Outcome drive={drive} />
      {problem && <Trouble problem={problem} />}
      {mayAct() && drive.stick && !AT_WORK.has(drive.state) && (
        <button type="button" onClick={() => void serveAgain()}>
          {say('drive.serve-again')}
        </button>
      )}
    </li>
  )
}

/** What was done on a stick that is safe to remove; of any other, why it is as it is. */
function Outcome({ drive }: { drive: Drive }) {
  if (drive.state === 'safe to remove') {
    return <p>{say('drive.written', { files: number(drive.files_done), size: size(drive.bytes_done) })}</p>
  }
  return drive.reason ? (
    <p class="soft" lang="en">
      {drive.reason}
    </p>
  ) : null
}

function Neighbours({ now }: { now: Status }) {
  const { statements, without_receipt, served_now } = now.neighbours
  if (statements === 0 && served_now.length === 0) return null
  return (
    <>
      <h2>{say('queue.neighbours')}</h2>
      <p>
        {say('queue.for-others', { statements, without: without_receipt })}{' '}
        {served_now.length > 0 && say('queue.served-now', { relays: served_now.map((item) => item.relay).join(', ') })}
      </p>
    </>
  )
}
