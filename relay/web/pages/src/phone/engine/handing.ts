// One round with one relay: hand over what it has not, take the slips and receipts that it has. Plans no pauses.
import type { ItemRecord } from '../../holder/database'
import { Problem } from '../../holder/problem'
import type { Proofs } from '../../holder/proofs'
import * as relay from '../../holder/relay'
import { type Bytes, fromBase64url, toHex } from '../../protocol/bytes'
import { parse, withChain } from '../../protocol/cose'
import { catalogue } from '../../protocol/forms'
import type { Identity } from '../../protocol/trust'
import { itemKey, newerReceipt, slipFor } from './items'
import type { Outbox } from './outbox'
import type { Troubles } from './troubles'

/** A photograph that the relay has not. */
export interface Wanted {
  item: string
  document: string
  sizeBytes: number
}

export class Handing {
  /** What was judged before and held, so that it is not judged at each round. */
  private readonly held = new Map<string, string>()
  private learned = false

  /** `who`: the relay, as it was certified. */
  constructor(
    private readonly outbox: Outbox,
    private readonly proofs: Proofs,
    private readonly troubles: Troubles,
    readonly who: Identity
  ) {}

  /**
   * Figures first, then lists of photographs; the photographs that the relay wants now, the pages with the votes first.
   *
   * What one item meets is that item's trouble; thrown is only what stops everything: `Unreachable` and `NotNow`.
   */
  async round(): Promise<Wanted[]> {
    this.learned = false
    const views = await this.views()
    const tallyFirst = this.outbox.items.value.toSorted((one, other) => (one.kind < other.kind ? 1 : -1))
    for (const item of tallyFirst) {
      await this.troubles.attempt(item.id, item.id, () => this.serve(item, views.get(item.id)))
    }
    return wanted(this.outbox.items.value, toHex(this.who.x5t), heldIn([...views.values()]))
  }

  private async views(): Promise<Map<string, relay.StatementView>> {
    const stations = new Set(this.outbox.items.value.map((item) => item.tps))
    const views = new Map<string, relay.StatementView>()
    for (const tps of stations) for (const [id, view] of await relay.station(tps)) views.set(id, view)
    await this.outbox.learnRevisions(revisionsIn([...views.values()]))
    return views
  }

  private async serve(item: ItemRecord, view: relay.StatementView | undefined): Promise<void> {
    if (!view) return item.receipt ? undefined : this.handOver(item)
    await this.takeSlip(item, item.id, view.slip)
    for (const page of view.documents) await this.takeSlip(item, page.document, page.slip)
    const underWay = view.under_way === true || view.also_at.length > 0
    await this.outbox.update(item.id, (record) => (record.underWay === underWay ? record : { ...record, underWay }))
    await this.takeReceipt(item, view.receipt)
  }

  private async handOver(item: ItemRecord): Promise<void> {
    const signed = await parse(item.bare)
    await this.keepSlip(item, item.id, await relay.handOver(withChain(signed, item.chain)))
  }

  private async takeSlip(item: ItemRecord, subject: string, text: string | null): Promise<void> {
    if (text && !slipFor(item, subject, toHex(this.who.x5t))) await this.keepSlip(item, subject, bytesOf(text))
  }

  private async keepSlip(item: ItemRecord, subject: string, data: Bytes): Promise<void> {
    const slip = await this.trusting(() => this.proofs.slip(data, subject))
    await this.outbox.update(item.id, (record) =>
      slipFor(record, subject, slip.signer) ? record : { ...record, slips: [...record.slips, slip] }
    )
  }

  private async takeReceipt(item: ItemRecord, text: string | null): Promise<void> {
    if (!text || this.held.get(item.id) === text) return
    const receipt = await this.trusting(() => this.proofs.receipt(bytesOf(text), item.id))
    await this.outbox.update(item.id, (record) => {
      const counts = newerReceipt(record.receipt, receipt)
      return counts === record.receipt ? record : { ...record, receipt: counts }
    })
    this.held.set(item.id, text)
  }

  /** What does not hold is judged once more after asking what is new in trust: a new centre, another CA. */
  private async trusting<Proof>(judge: () => Promise<Proof>): Promise<Proof> {
    try {
      return await judge()
    } catch (error) {
      if (this.learned) throw error
    }
    const { certificates, crls } = await relay.trust()
    await this.proofs.learn(certificates, crls)
    this.learned = true
    return judge()
  }
}

/**
 * The photographs of which a relay has the list and not the bytes, each once: pages with the votes first, then page by page.
 *
 * `held` are those that it says to have now: a slip from before its disk was lost is no reason not to send.
 */
export function wanted(items: readonly ItemRecord[], relayX5t: string, held: ReadonlySet<string>): Wanted[] {
  const open = items.filter((item) => !item.receipt && slipFor(item, item.id, relayX5t))
  const all = open
    .toReversed()
    .flatMap((item) =>
      item.pages
        .filter((page) => !held.has(page.document))
        .map((page) => ({ item, page, votes: page.number === catalogue.get(item.form)?.votesPage }))
    )
  all.sort((one, other) => Number(other.votes) - Number(one.votes) || one.page.number - other.page.number)
  const jobs = all.map(({ item, page }) => ({ item: item.id, document: page.document, sizeBytes: page.sizeBytes }))
  return [...new Map(jobs.toReversed().map((job) => [job.document, job])).values()].toReversed()
}

/** The photographs that a relay has whole. */
const heldIn = (views: readonly relay.StatementView[]): Set<string> =>
  new Set(views.flatMap((view) => view.documents.filter((page) => page.slip).map((page) => page.document)))

/** The newest revision of each station's form and kind in what a relay has; what was refused does not count. */
export function revisionsIn(views: readonly relay.StatementView[]): Map<string, number> {
  const newest = new Map<string, number>()
  for (const { kind, tps, form, revision, state } of views) {
    if (state === 'refused' || (kind !== 'tally' && kind !== 'documents')) continue
    const key = itemKey({ tps, form, kind })
    newest.set(key, Math.max(revision, newest.get(key) ?? 0))
  }
  return newest
}

function bytesOf(text: string): Bytes {
  try {
    return fromBase64url(text)
  } catch {
    throw new Problem('slip-false', 'What the relay gives is not base64url.')
  }
}
