// The durable outbox: what was entered and signed, in IndexedDB, with signals that show it. Sends nothing.
//
// What is signed is on the disk before anybody hears of it; slips and receipts get here only after `proofs` checked them.
import { type ReadonlySignal, signal } from '@preact/signals'
import { type Database, type DraftRecord, type ItemRecord, type Page, STRICT } from '../../holder/database'
import { itemKey, newest } from './items'
import type { Draft } from './types'

export class Outbox {
  private readonly shownDrafts = signal<DraftRecord[]>([])
  private readonly shownItems = signal<ItemRecord[]>([])
  private readonly told = signal<ReadonlyMap<string, number>>(new Map())
  private writing: Promise<unknown> = Promise.resolve()
  /** Drafts that are shown and not on the disk yet: how many writes of each are under way. */
  private readonly unwritten = new Map<string, number>()
  /** Counts what was written of items: grows if something is new. */
  changes = 0

  /** `changed` is called after each change on the disk. */
  private constructor(
    readonly database: Database,
    private readonly changed: () => void
  ) {}

  static async open(database: Database, changed: () => void): Promise<Outbox> {
    const outbox = new Outbox(database, changed)
    await outbox.reload()
    return outbox
  }

  get drafts(): ReadonlySignal<DraftRecord[]> {
    return this.shownDrafts
  }

  /** Newest first. */
  get items(): ReadonlySignal<ItemRecord[]> {
    return this.shownItems
  }

  /** Reads all of it again: another tab has written. What is typed here meanwhile stays. */
  reload(): Promise<void> {
    return this.inTurn(async () => {
      const reading = this.database.transaction(['drafts', 'items', 'revisions'])
      const [drafts, items, keys, revisions] = await Promise.all([
        reading.objectStore('drafts').getAll(),
        reading.objectStore('items').getAll(),
        reading.objectStore('revisions').getAllKeys(),
        reading.objectStore('revisions').getAll()
      ])
      const isOurs = (draft: DraftRecord) => this.unwritten.has(keyOf(draft))
      const all = [...this.shownDrafts.value.filter(isOurs), ...drafts.filter((draft) => !isOurs(draft))]
      this.shownDrafts.value = all.sort((one, other) => other.changedAt - one.changedAt)
      this.showItems(items)
      this.told.value = new Map(keys.map((key, at) => [key, revisions[at] ?? 0]))
    })
  }

  /** The revision that the next statement of a kind gets: one more than the newest known here or at a relay. */
  nextRevision(of: { tps: string; form: number; kind: ItemRecord['kind'] }): number {
    const here = newest(this.items.value, of)?.revision ?? 0
    return 1 + Math.max(here, this.told.value.get(itemKey(of)) ?? 0)
  }

  // drafts

  viewOf(draft: DraftRecord): Draft {
    const { tps, form } = draft
    const [revision, documentsRevision] = (['tally', 'documents'] as const).map((kind) =>
      this.nextRevision({ tps, form, kind })
    )
    return { ...draft, revision: revision ?? 1, documentsRevision: documentsRevision ?? 1 }
  }

  find(tps: string, form: number): DraftRecord | undefined {
    return this.shownDrafts.value.find((draft) => draft.tps === tps && draft.form === form)
  }

  /** Shows the draft at once and puts it on the disk, together with the photograph that is new in it. */
  async keepDraft(draft: DraftRecord, photograph?: { page: Page; blob: Blob }): Promise<void> {
    const others = this.shownDrafts.value.filter((other) => keyOf(other) !== keyOf(draft))
    this.shownDrafts.value = [draft, ...others]
    await this.writeDraft(draft, async () => {
      const writing = this.database.transaction(['drafts', 'photographs'], 'readwrite', photograph ? STRICT : {})
      await Promise.all([
        photograph && writing.objectStore('photographs').put(photograph.blob, photograph.page.document),
        writing.objectStore('drafts').put(this.find(draft.tps, draft.form) ?? draft, keyOf(draft)),
        writing.done
      ])
    })
  }

  async dropDraft(tps: string, form: number): Promise<void> {
    this.shownDrafts.value = this.shownDrafts.value.filter((draft) => draft.tps !== tps || draft.form !== form)
    await this.writeDraft({ tps, form }, () => this.database.delete('drafts', keyOf({ tps, form })))
  }

  // items

  /** What was just signed: on the disk when this returns. */
  async add(records: ItemRecord[]): Promise<void> {
    await this.inTurn(async () => {
      const writing = this.database.transaction('items', 'readwrite', STRICT)
      await Promise.all([...records.map((record) => writing.store.add(record, record.id)), writing.done])
      this.showItems([...this.shownItems.value, ...records]) // from here on a dead battery changes nothing
    })
    this.changed()
  }

  /** What has come back for an item; `how` gets it as it is on the disk. */
  async update(id: string, how: (record: ItemRecord) => ItemRecord): Promise<void> {
    const isNew = await this.inTurn(async () => {
      const writing = this.database.transaction('items', 'readwrite', STRICT)
      const before = await writing.store.get(id)
      const after = before && how(before)
      if (!after || after === before) return false
      await Promise.all([writing.store.put(after, id), writing.done])
      this.showItems(this.shownItems.value.map((record) => (record.id === id ? after : record)))
      return true
    })
    if (!isNew) return
    this.changes += 1
    this.changed()
  }

  /** Shows how much of a photograph has gone, without writing that down: the relay knows it better. */
  showSent(id: string, document: string, sentBytes: number): void {
    const sent = (record: ItemRecord): ItemRecord => ({
      ...record,
      pages: record.pages.map((page) => (page.document === document ? { ...page, sentBytes } : page))
    })
    this.shownItems.value = this.shownItems.value.map((record) => (record.id === id ? sent(record) : record))
  }

  /** What a relay tells of revisions, so that a correction gets the next one even on a new phone. */
  async learnRevisions(told: ReadonlyMap<string, number>): Promise<void> {
    const news = [...told].filter(([key, revision]) => revision > (this.told.value.get(key) ?? 0))
    if (news.length === 0) return
    const writing = this.database.transaction('revisions', 'readwrite')
    await Promise.all([...news.map(([key, revision]) => writing.store.put(revision, key)), writing.done])
    this.told.value = new Map([...this.told.value, ...news])
    this.changed()
  }

  // photographs

  photograph = (document: string): Promise<Blob | undefined> => this.database.get('photographs', document)

  /** Drops photographs that nothing lists any more. */
  dropUnlisted(documents: readonly string[]): Promise<void> {
    return this.drop(documents, (drafts, items) => listedBy([...drafts, ...items]))
  }

  /** Drops the bytes of photographs that the centre has given its receipt for, and that nothing else still waits for. */
  dropRecorded(documents: readonly string[]): Promise<void> {
    return this.drop(documents, (drafts, items) => {
      const recorded = new Set(listedBy(items.filter(isRecorded)))
      const open = new Set(listedBy(items.filter((item) => !item.receipt)))
      const unsigned = listedBy(drafts).filter((document) => !recorded.has(document))
      return [...open, ...unsigned]
    })
  }

  /** Makes room: drops the bytes of all photographs that the centre has recorded. */
  makeRoom(): Promise<void> {
    return this.dropRecorded(listedBy(this.shownItems.value.filter(isRecorded)))
  }

  private async drop(
    documents: readonly string[],
    neededOf: (drafts: DraftRecord[], items: ItemRecord[]) => string[]
  ): Promise<void> {
    await this.inTurn(async () => {
      const writing = this.database.transaction(['drafts', 'items', 'photographs'], 'readwrite')
      const [drafts, items] = await Promise.all([
        writing.objectStore('drafts').getAll(),
        writing.objectStore('items').getAll()
      ])
      const needed = new Set(neededOf(drafts, items))
      const dropped = documents.filter((document) => !needed.has(document))
      await Promise.all([
        ...dropped.map((document) => writing.objectStore('photographs').delete(document)),
        writing.done
      ])
    })
    this.changed()
  }

  private showItems(items: ItemRecord[]): void {
    this.shownItems.value = items.toSorted(
      (one, other) => other.signedAt - one.signedAt || (other.id < one.id ? -1 : 1)
    )
  }

  /** Writes a draft that is shown already; until that is done, no `reload` puts an older one in its place. */
  private async writeDraft(of: { tps: string; form: number }, write: () => Promise<unknown>): Promise<void> {
    const key = keyOf(of)
    this.unwritten.set(key, (this.unwritten.get(key) ?? 0) + 1)
    try {
      await this.inTurn(write)
    } finally {
      const left = (this.unwritten.get(key) ?? 1) - 1
      if (left > 0) this.unwritten.set(key, left)
      else this.unwritten.delete(key)
    }
    this.changed()
  }

  /** One after the other, so that a draft is written in the order of the key presses. */
  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.writing.then(work, work)
    this.writing = result.catch(() => undefined)
    return result
  }
}

const keyOf = (of: { tps: string; form: number }) => `${of.tps}/${of.form}`

const listedBy = (lists: { pages: Page[] }[]) => lists.flatMap((list) => list.pages.map((page) => page.document))

/** What was refused may be wanted again: its photographs go only when somebody says so. */
const isRecorded = (item: ItemRecord) => item.receipt !== null && item.receipt.verdict !== 'refused'
