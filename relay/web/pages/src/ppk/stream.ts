// Following a node's events for hours: comes back after every cut, notices a silence, and says truthfully how it stands.
import { signal } from '@preact/signals'
import { NotNow, type Problem, problemOf, Unreachable } from '../holder/problem'

const PAUSE_SECONDS_FIRST = 2
const PAUSE_SECONDS_MOST = 30
/** A browser does not notice a network that just falls silent: after so long without an event the node is asked. */
const SILENCE_SECONDS = 20

export type Liveness = { state: 'connecting' } | { state: 'live' } | { state: 'lost'; since: number }

export interface Following {
  /** Where the events are; asked anew for each connection. */
  address: () => string
  events: Record<string, (data: string) => void>
  /** Brings up to date what may have changed while nobody listened. */
  catchUp: () => Promise<void>
  /** Rejects unless the node is reached and lets us look. */
  ask: () => Promise<unknown>
  /** Something that no trying again mends, such as a session that is over. The stream is closed then. */
  onEnd: (problem: Problem) => void
}

export class Stream {
  /** `since`: Unix seconds. */
  readonly liveness = signal<Liveness>({ state: 'connecting' })
  private source: EventSource | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private pause = PAUSE_SECONDS_FIRST
  private following: Following | null = null

  constructor() {
    window.addEventListener('online', () => this.hurry())
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.hurry() // a laptop that was opened again
    })
  }

  /** Listens from now on; what there was before has been loaded. */
  follow(following: Following): void {
    this.close()
    this.following = following
    const source = new EventSource(following.address())
    this.source = source
    source.addEventListener('open', () => {
      this.liveness.value = { state: 'live' }
      this.pause = PAUSE_SECONDS_FIRST
      this.in(SILENCE_SECONDS, this.check)
    })
    source.addEventListener('error', () => this.lost())
    for (const [name, take] of Object.entries(following.events)) {
      source.addEventListener(name, (event) => {
        this.in(SILENCE_SECONDS, this.check)
        take(event.data)
      })
    }
  }

  /** Does not listen any more. */
  close(): void {
    clearTimeout(this.timer)
    this.source?.close()
    this.source = null
    this.following = null
  }

  private readonly check = async (): Promise<void> => {
    const { following } = this
    if (!following) return
    this.in(SILENCE_SECONDS, this.check)
    await following.ask().catch((error: unknown) => this.following === following && this.failed(error))
  }

  private readonly again = async (): Promise<void> => {
    const { following } = this
    if (!following) return
    try {
      await following.catchUp()
      if (this.following === following) this.follow(following)
    } catch (error) {
      if (this.following === following) this.failed(error)
    }
  }

  private failed(error: unknown): void {
    const { following } = this
    const problem = problemOf(error)
    if (problem instanceof Unreachable || problem instanceof NotNow) {
      this.lost()
    } else {
      this.close()
      following?.onEnd(problem)
    }
  }

  private lost(): void {
    this.source?.close()
    this.source = null
    if (this.liveness.value.state !== 'lost') this.liveness.value = { state: 'lost', since: Date.now() / 1000 }
    this.in(this.pause, this.again)
    this.pause = Math.min(PAUSE_SECONDS_MOST, this.pause * 1.5)
  }

  private hurry(): void {
    if (this.following) this.in(0, this.source ? this.check : this.again)
  }

  private in(seconds: number, act: () => Promise<void>): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void act(), seconds * 1000)
  }
}
