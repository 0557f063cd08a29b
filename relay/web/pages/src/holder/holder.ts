// Whoever holds this device: a P-256 key that cannot be taken out of the browser, certified once by a one-time code.
import { type ReadonlySignal, signal } from '@preact/signals'
import { type Bytes, sha256, toHex } from '../protocol/bytes'
import { type Sign1, sign } from '../protocol/cose'
import { readCode, request } from '../protocol/enrolment'
import {
  type Asking,
  type Certified,
  type Database,
  type HolderRecord,
  openDatabase,
  type PageName,
  STRICT
} from './database'
import { type Answer, askAgain, certificateOf, post } from './enrolling'
import { NotNow, Problem, problemOf, Unreachable } from './problem'

/** A certified key: who speaks, for where, until when (Unix seconds). */
export interface Holder {
  name: string
  role: 'kpps' | 'ppk'
  /** A TPS code, or the first digits of several. */
  scope: string
  /** Names the certificate, hex. */
  x5t: string
  notAfter: number
  /** SHA-256 of the pinned root, hex. */
  root: string
}

/** What has become of a request that brought no certificate. */
export type Asked = { state: 'waiting'; since: number } | { state: 'refused'; code: string; detail: string }

/** `renewal`: a request with a new code, while the certificate that is here goes on. */
export type Enrolment = { state: 'none' } | Asked | { state: 'enrolled'; holder: Holder; renewal: Asked | null }

const POLL_SECONDS_FIRST = 5
const POLL_SECONDS_MOST = 60

/** The holder of one page's key, as the database has it. */
export async function openHolder(page: PageName, database?: Database): Promise<Holding> {
  database ??= await openDatabase()
  const record = (await database.get('holders', page)) ?? { asking: null, certified: null }
  const holding = new Holding(page, database, record)
  await holding.show()
  return holding
}

export class Holding {
  private readonly shown = signal<Enrolment>({ state: 'none' })
  private pause = POLL_SECONDS_FIRST
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly page: PageName,
    private readonly database: Database,
    private record: HolderRecord
  ) {}

  get enrolment(): ReadonlySignal<Enrolment> {
    return this.shown
  }

  /** Key, chain and root once certified; `Problem(not-enrolled)` before. */
  get certified(): Certified {
    if (this.record.certified) return this.record.certified
    throw new Problem('not-enrolled', 'This device has no certificate yet.')
  }

  /** `payload` signed by this holder; the signer is named by x5t, the chain is `certified.chain`. */
  async sign(payload: Bytes): Promise<Sign1> {
    const { keys, chain } = this.certified
    const [certificate] = chain
    if (!certificate) throw new Problem('key-lost', 'The certificate is gone from this device.')
    return sign({ key: keys.privateKey, certificate }, payload)
  }

  /**
   * Makes a key, unless this code was tried before, and asks with the one-time code.
   *
   * Throws `Problem` with code-malformed, relay-unreachable, relay-false (its answer is not from whoever made the
   * code), or the code of the refusal. Nothing is lost by any of them: the same code can be tried again.
   */
  async enrol(typed: string, name: string): Promise<void> {
    const code = readCode(typed)
    if (!code) throw new Problem('code-malformed', 'A one-time code has 12 letters and digits.')
    const before = this.record.asking
    const asking = before?.code === code && before.name === name ? before : await newAsking(code, name)
    await this.keepAsking({ ...asking, refused: null })
    await this.take(await post(asking.request))
    const now = this.record.asking
    if (now?.refused) throw new Problem(now.refused.code, now.refused.detail)
  }

  /** Asks whether the certificate has come, if one is awaited; and goes on asking until it has. */
  async poll(): Promise<void> {
    clearTimeout(this.timer)
    const asking = this.record.asking
    if (!asking || !mayCome(asking)) return
    try {
      await this.take(await askAgain(asking))
    } catch (error) {
      if (!(error instanceof NotNow || error instanceof Unreachable)) throw error // tried again below
    }
    this.pollLater()
  }

  /** Reads what another tab has written. */
  async reload(): Promise<void> {
    this.record = (await this.database.get('holders', this.page)) ?? this.record
    await this.show()
  }

  async show(): Promise<void> {
    this.shown.value = await enrolmentOf(this.record)
    this.pollLater()
  }

  private pollLater(): void {
    clearTimeout(this.timer)
    if (!this.record.asking || !mayCome(this.record.asking)) return
    this.timer = setTimeout(() => void this.poll(), this.pause * 1000)
    this.pause = Math.min(POLL_SECONDS_MOST, this.pause * 1.5)
  }

  private async take(answer: Answer): Promise<void> {
    const asking = this.record.asking
    if (!asking) return
    try {
      if (answer.state === 'waiting') return await this.keepAsking({ ...asking, posted: true, refused: null })
      const certified = await certificateOf(answer, asking, this.page)
      await this.keep({ asking: null, certified }) // the root is pinned here, after its proof
    } catch (error) {
      const { code, detail } = problemOf(error)
      await this.keepAsking({ ...asking, posted: true, refused: { code, detail } })
    }
  }

  private keepAsking = (asking: Asking): Promise<void> => this.keep({ ...this.record, asking })

  private async keep(record: HolderRecord): Promise<void> {
    const writing = this.database.transaction('holders', 'readwrite', STRICT)
    await writing.store.put(record, this.page)
    await writing.done
    this.record = record
    await this.show()
  }
}

async function newAsking(code: string, name: string): Promise<Asking> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
  const { id, der } = await request(keys, name, code)
  return { name, code, keys, id, request: der, since: now(), posted: false, refused: null }
}

/** Whether an answer may still come: not after a refusal, but after a false relay the true one may be met. */
const mayCome = ({ posted, refused }: Asking): boolean => posted && (!refused || refused.code === 'relay-false')

async function enrolmentOf({ asking, certified }: HolderRecord): Promise<Enrolment> {
  const asked = asking?.posted ? askedOf(asking) : null
  if (certified) return { state: 'enrolled', holder: await holderOf(certified), renewal: asked }
  return asked ?? { state: 'none' }
}

const askedOf = ({ since, refused }: Asking): Asked =>
  refused ? { state: 'refused', ...refused } : { state: 'waiting', since }

/** What has become of the newest request; null if it was certified, or there is none. */
export function askedIn(enrolment: Enrolment): Asked | null {
  if (enrolment.state === 'none') return null
  return enrolment.state === 'enrolled' ? enrolment.renewal : enrolment
}

/** The name (x5t, hex) of the certificate; null before there is one. */
export const certificateIn = (enrolment: Enrolment): string | null =>
  enrolment.state === 'enrolled' ? enrolment.holder.x5t : null

async function holderOf({ name, role, scope, notAfter, x5t, root }: Certified): Promise<Holder> {
  return { name, role, scope, notAfter, x5t, root: toHex(await sha256(root)) }
}

const now = () => Math.floor(Date.now() / 1000)
