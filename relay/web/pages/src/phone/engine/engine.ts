// The engine as the screens see it: parts are built and put together here, and nowhere else.
import { computed, type ReadonlySignal, signal } from '@preact/signals'
import type { Database } from '../../holder/database'
import { certificateIn, type Enrolment, type Holding } from '../../holder/holder'
import { Problem, problemOf } from '../../holder/problem'
import { Drafts, documentsOf } from './drafts'
import { Tabs } from './follow'
import { viewOf } from './items'
import { Outbox } from './outbox'
import { proofFile, proofText } from './proof'
import { Sender } from './sender'
import { signDraft } from './signing'
import { Storage } from './storage'
import type { Draft, Engine, Item, Page, RelayView, StorageView } from './types'

/** The lock under which one tab at a time signs, so that no two of them sign the same revision. */
const SIGNING = 'signing'

const RELAY_UNKNOWN: RelayView = {
  reachable: false,
  name: '',
  scope: '',
  forms: [],
  clockOff: null,
  sending: null,
  lastContact: null,
  trouble: null
}

/** The engine over an open database; it sends from now on, unless another tab does. */
export async function startEngine(database: Database, holding: Holding): Promise<Engine> {
  const tabs = new Tabs()
  const outbox = await Outbox.open(database, () => tabs.say({ what: 'written' }))
  const known = (await database.get('relay', 'relay')) ?? {}
  const engine = new PhoneEngine(database, holding, outbox, tabs, { ...RELAY_UNKNOWN, ...known })
  engine.start()
  return engine
}

class PhoneEngine implements Engine {
  readonly enrolment: ReadonlySignal<Enrolment>
  readonly drafts: ReadonlySignal<Draft[]>
  readonly items: ReadonlySignal<Item[]>
  readonly relay: ReadonlySignal<RelayView>
  readonly storage: ReadonlySignal<StorageView>
  private readonly room = new Storage()
  private readonly work: Drafts
  private readonly sender: Sender

  constructor(
    private readonly database: Database,
    private readonly holding: Holding,
    private readonly outbox: Outbox,
    private readonly tabs: Tabs,
    known: RelayView
  ) {
    const relay = signal(known)
    const show = (change: Partial<RelayView>) => {
      relay.value = { ...relay.value, ...change }
    }
    this.enrolment = holding.enrolment
    this.relay = relay
    this.storage = this.room.view
    this.items = computed(() => outbox.items.value.map(viewOf))
    this.drafts = computed(() => outbox.drafts.value.map((draft) => outbox.viewOf(draft)))
    this.work = new Drafts(outbox)
    this.sender = new Sender(database, outbox, holding, (change) => {
      show(change)
      tabs.say({ what: 'relay', change })
    })
    tabs.follow({
      written: () => void outbox.reload(),
      hurry: () => this.sender.hurry(),
      enrolled: () => void holding.reload(),
      relay: show
    })
  }

  start(): void {
    void this.room.measure()
    this.sender.start()
    globalThis.addEventListener('online', () => this.sendNow())
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.sendNow()
    })
    let before = certificateIn(this.enrolment.value)
    this.enrolment.subscribe((enrolment) => {
      const certificate = certificateIn(enrolment)
      if (certificate && certificate !== before) this.tellEnrolled()
      before = certificate
    })
  }

  async enrol(code: string, name: string): Promise<void> {
    void this.room.persist()
    await this.fitting(() => this.holding.enrol(code, name))
  }

  async draft(tps: string, form: number): Promise<Draft> {
    return this.outbox.viewOf(await this.fitting(() => this.work.open(tps, form)))
  }

  save(draft: Draft): Promise<void> {
    return this.fitting(() => this.work.save(draft))
  }

  discard(tps: string, form: number): Promise<void> {
    return this.fitting(() => this.work.discard(tps, form))
  }

  addPage(tps: string, form: number, number: number, file: File): Promise<Page> {
    return this.fitting(() => this.work.addPage(tps, form, number, file))
  }

  removePage(tps: string, form: number, number: number): Promise<void> {
    return this.fitting(() => this.work.removePage(tps, form, number))
  }

  swapPages(tps: string, form: number, one: number, other: number): Promise<void> {
    return this.fitting(() => this.work.swapPages(tps, form, one, other))
  }

  async photograph(document: string): Promise<Blob | null> {
    return (await this.outbox.photograph(document)) ?? null
  }

  async sign(tps: string, form: number, what: { tally: boolean; documents: boolean }): Promise<Item[]> {
    const kinds = (['tally', 'documents'] as const).filter((kind) => what[kind])
    const signed = await this.fitting(() =>
      navigator.locks.request(SIGNING, async () => {
        const seen = await this.work.open(tps, form)
        await this.outbox.reload() // another tab may have signed just now
        return signDraft(this.outbox, this.holding, seen, await this.work.open(tps, form), kinds)
      })
    )
    this.sendNow()
    return signed.map(viewOf)
  }

  async forget(id: string): Promise<void> {
    const record = this.recordOf(id)
    if (!record.receipt) throw new Problem('not-recorded-yet', 'The centre has not answered for this yet.')
    await this.outbox.dropRecorded(documentsOf(record))
    await this.room.measure()
  }

  sendNow(): void {
    this.sender.hurry()
    this.tabs.say({ what: 'hurry' })
    void this.holding.poll().catch(() => undefined)
  }

  async proofFile(id: string): Promise<File> {
    return proofFile(this.recordOf(id), this.holding.certified.root, this.database)
  }

  async proofText(id: string): Promise<string> {
    return proofText(this.recordOf(id))
  }

  private tellEnrolled(): void {
    this.tabs.say({ what: 'enrolled' })
    this.sender.hurry()
  }

  private recordOf(id: string) {
    const record = this.outbox.items.value.find((item) => item.id === id)
    if (record) return record
    throw new Problem('not-found', 'Nothing of this id is on this phone.')
  }

  /** Any error as a `Problem`; whether there was room is noted. */
  private async fitting<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      const result = await work()
      this.room.noteFull(false)
      return result
    } catch (error) {
      const problem = problemOf(error)
      if (problem.code === 'storage-full') this.room.noteFull(true)
      throw problem
    }
  }
}
