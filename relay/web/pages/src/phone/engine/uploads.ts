// Photographs go beside the rounds, one at a time: no figures wait for them.
import { NotNow, Problem, problemOf, Unreachable } from '../../holder/problem'
import * as relay from '../../holder/relay'
import { sha256, toHex } from '../../protocol/bytes'
import type { Wanted } from './handing'
import type { Outbox } from './outbox'
import { pauseSeconds } from './pace'
import type { Troubles } from './troubles'
import { upload } from './upload'

/** What is only said because something was cut: the next attempt asks where the relay stands. */
const TRANSIENT = ['upload-offset-mismatch', 'document-altered', 'document-not-listed', 'not-found']
const SHOWN_EVERY_MILLISECONDS = 250

export class Uploads {
  private busy = false
  private failures = 0
  private notBefore = 0

  /** `sending` is told the item whose photograph goes; `done` is called when something went, or another try is due. */
  constructor(
    private readonly outbox: Outbox,
    private readonly troubles: Troubles,
    private readonly sending: (item: string | null) => void,
    private readonly done: () => void
  ) {}

  /** Sends these, unless some are being sent already or it is too early to try again; does not wait. */
  offer(jobs: readonly Wanted[]): void {
    if (this.busy || jobs.length === 0 || Date.now() < this.notBefore) return
    this.busy = true
    void this.run(jobs).finally(() => {
      this.busy = false
      this.sending(null)
    })
  }

  /** Lets the next offer through at once. */
  hurry(): void {
    this.notBefore = 0
  }

  private async run(jobs: readonly Wanted[]): Promise<void> {
    for (const job of jobs) {
      this.sending(job.item)
      try {
        await this.troubles.attempt(job.item, job.document, () => this.send(job))
        this.failures = 0
        this.done()
      } catch (error) {
        return this.pause(error)
      }
    }
  }

  private pause(error: unknown): void {
    this.failures += 1
    const asked = error instanceof NotNow ? error.seconds : 0
    const standing = { failures: this.failures, quiet: 0, open: true, notBefore: asked }
    const seconds = pauseSeconds(standing, Math.random())
    this.notBefore = Date.now() + seconds * 1000
    setTimeout(this.done, seconds * 1000)
  }

  private async send(job: Wanted): Promise<void> {
    const { document } = job
    const blob = await this.outbox.photograph(document)
    if (!blob) throw new Problem('photograph-damaged', 'The photograph is not on this phone any more.')
    let shownAt = 0
    try {
      await upload({
        document,
        blob,
        onProgress: (sentBytes) => {
          if (Date.now() - shownAt < SHOWN_EVERY_MILLISECONDS) return
          shownAt = Date.now()
          this.outbox.showSent(job.item, document, sentBytes)
        }
      })
      await relay.finish(document, job.sizeBytes)
    } catch (error) {
      throw await this.meaning(error, blob, document)
    }
  }

  /** A photograph that arrived altered was spoilt on the way, unless it is spoilt here. */
  private async meaning(error: unknown, blob: Blob, document: string): Promise<Problem> {
    const problem = problemOf(error)
    if (problem.code === 'document-altered') {
      const here = toHex(await sha256(new Uint8Array(await blob.arrayBuffer())))
      if (here !== document) return new Problem('photograph-damaged', 'The photograph is damaged on this phone.')
    }
    return TRANSIENT.includes(problem.code) ? new Unreachable(problem.detail) : problem
  }
}
