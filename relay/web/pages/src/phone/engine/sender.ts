// Sends for ever: round after round with whichever relay answers here, at once when there is reason to hope.
//
// One tab sends (a Web Lock); what it learns of the relay is told to the others.
import type { Database } from '../../holder/database'
import type { Holding } from '../../holder/holder'
import { NotNow, Problem, problemOf, Unreachable } from '../../holder/problem'
import { Proofs } from '../../holder/proofs'
import * as relay from '../../holder/relay'
import { equal, sha256, toHex } from '../../protocol/bytes'
import { Handing } from './handing'
import type { Outbox } from './outbox'
import { pauseSeconds, type Standing } from './pace'
import { Troubles } from './troubles'
import type { RelayView } from './types'
import { Uploads } from './uploads'

const LOCK = 'sending'

export class Sender {
  private readonly standing: Standing = { failures: 0, quiet: 0, open: false, notBefore: 0 }
  private readonly troubles: Troubles
  private readonly uploads: Uploads
  private proofs: Proofs | null = null
  private handing: { node: string; handing: Handing } | null = null
  private wakeUp: () => void = () => {}
  private woken = false

  /** `tell` is called with what changed of the relay. */
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly holding: Holding,
    private readonly tell: (change: Partial<RelayView>) => void
  ) {
    this.troubles = new Troubles(outbox)
    const sending = (item: string | null) => this.tell({ sending: item })
    this.uploads = new Uploads(outbox, this.troubles, sending, () => this.wake())
  }

  /** Sends as soon as no other tab does, and as long as this page lives. */
  start(): void {
    void navigator.locks.request(LOCK, () => this.run())
  }

  /** Tries at once: somebody asked, the network came back, or the page is looked at again. */
  hurry(): void {
    this.standing.failures = 0
    this.standing.quiet = 0
    this.standing.notBefore = 0
    this.uploads.hurry()
    this.wake()
  }

  private wake(): void {
    this.woken = true
    this.wakeUp()
  }

  private async run(): Promise<never> {
    for (;;) {
      await this.attempt()
      await this.sleep(pauseSeconds(this.standing, Math.random()))
    }
  }

  private async attempt(): Promise<void> {
    const before = this.outbox.changes
    try {
      await this.round()
      this.standing.failures = 0
      this.standing.quiet = this.outbox.changes === before ? this.standing.quiet + 1 : 0
      this.tell({ reachable: true, lastContact: seconds(), trouble: null })
    } catch (error) {
      const { code, detail } = problemOf(error)
      this.standing.failures += 1
      this.standing.notBefore = error instanceof NotNow ? error.seconds : 0
      this.handing = null // whoever answers next may be another relay
      this.tell({ reachable: !(error instanceof Unreachable), trouble: { code, detail } })
    }
  }

  private async round(): Promise<void> {
    const node = await this.introduced()
    this.standing.open = this.outbox.items.value.some((item) => !item.receipt)
    if (this.holding.enrolment.value.state !== 'enrolled') return
    const { handing } = await this.relayOf(node)
    this.uploads.offer(await handing.round())
    this.standing.open = this.outbox.items.value.some((item) => !item.receipt)
  }

  /** Who answers here, and how late it is there. */
  private async introduced(): Promise<relay.NodeView> {
    const asked = Date.now()
    const node = await relay.node()
    const here = (asked + Date.now()) / 2000
    const { name, id, scope, forms } = node
    const clockOff = node.clock_sure ? Math.round(here - node.now - 0.5) : null
    const known = { name: name || id, scope, forms, lastContact: seconds() }
    this.tell({ ...known, clockOff, reachable: true })
    await this.database.put('relay', known, 'relay')
    return node
  }

  /** The relay as one that the pinned root certified; `Problem(relay-false)` if it is none. Asked once a relay. */
  private async relayOf(node: relay.NodeView): Promise<{ node: string; handing: Handing }> {
    const name = `${node.root} ${node.id}`
    if (this.handing?.node === name) return this.handing
    const { root } = this.holding.certified
    if (node.root !== toHex(await sha256(root))) {
      throw new Problem('relay-false', 'This relay belongs to another root than the one that this phone trusts.')
    }
    if (!this.proofs || !equal(this.proofs.root, root)) this.proofs = await Proofs.open(root, this.database)
    const { certificates, crls } = await relay.trust()
    await this.proofs.learn(certificates, crls)
    const who = await this.proofs.relay(certificates)
    this.handing = { node: name, handing: new Handing(this.outbox, this.proofs, this.troubles, who) }
    return this.handing
  }

  private sleep(pause: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.wakeUp = () => {}
        this.woken = false
        resolve()
      }
      const timer = setTimeout(end, pause * 1000)
      this.wakeUp = end
      if (this.woken) end()
    })
  }
}

const seconds = () => Math.floor(Date.now() / 1000)
