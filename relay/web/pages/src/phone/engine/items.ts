// What an item is, read off its proofs: its step, and how the screens see it. Pure.
import type { DraftRecord, ItemRecord, Page, ReceiptRecord, SentPageRecord, SlipRecord } from '../../holder/database'
import type { Item, Receipt, SentPage, Slip, Step } from './types'

export type ItemKind = ItemRecord['kind']

/** Where an item is: only verified slips and receipts are in a record, so this shows nothing on hope. */
export function stepOf(record: ItemRecord): Step {
  if (record.receipt) return 'at-centre'
  if (!isHandedOver(record)) return 'on-phone'
  return record.underWay ? 'on-its-way' : 'at-relay'
}

/** Whether some relay gave a slip for the statement and for each of its photographs. */
export const isHandedOver = (record: ItemRecord): boolean =>
  [record.id, ...record.pages.map((page) => page.document)].every((subject) => slipFor(record, subject) !== null)

/** A slip for the statement or photograph; that of `relay` (x5t, hex) if it is named. */
export const slipFor = (record: ItemRecord, subject: string, relay?: string): SlipRecord | null =>
  record.slips.find((slip) => slip.subject === subject && (relay === undefined || slip.signer === relay)) ?? null

/**
 * Which of two receipts counts (relay/protocol/lifecycle.py): a conflict stays one, and what is recorded is not refused
 * by a later receipt.
 */
export function newerReceipt(held: ReceiptRecord | null, come: ReceiptRecord): ReceiptRecord {
  if (!held || held.verdict === 'refused') return come
  if (held.verdict === 'recorded' && come.verdict === 'conflict') return come
  return held
}

export interface ItemName {
  tps: string
  form: number
  kind: ItemKind
}

export const itemKey = (of: ItemName): string => `${of.tps}/${of.form}/${of.kind}`

/** Whether it will never count: the centre refused it, or no relay takes it, since its key was revoked. */
export function isVoid({ receipt, trouble, slips }: ItemRecord): boolean {
  if (receipt) return receipt.verdict === 'refused'
  return slips.length === 0 && trouble?.code === 'signer-revoked'
}

/** The newest revision of a kind among `records` that is not void; null if there is none. */
export const newest = (records: readonly ItemRecord[], of: ItemName): ItemRecord | null =>
  latest(
    records.filter((item) => !isVoid(item)),
    of
  )

/** The newest revision of a kind among `records`; a void one only if nothing was signed in its place. */
export function latest(records: readonly ItemRecord[], of: ItemName): ItemRecord | null {
  const mine = records.filter((item) => itemKey(item) === itemKey(of))
  return mine.reduce<ItemRecord | null>((best, item) => (best && !isLater(item, best) ? best : item), null)
}

function isLater(one: ItemRecord, other: ItemRecord): boolean {
  if (one.revision !== other.revision) return one.revision > other.revision
  return isVoid(one) === isVoid(other) ? one.signedAt > other.signedAt : isVoid(other)
}

/** Whether the draft says just what an item says: then there is nothing to sign. */
export function says(item: Pick<Item, 'kind' | 'figures'> & { pages: Page[] }, draft: DraftRecord): boolean {
  if (item.kind === 'tally') return JSON.stringify(item.figures) === JSON.stringify(draft.figures)
  const listing = (pages: Page[]) => pages.map(({ number, document }) => `${number}:${document}`).join()
  return listing(item.pages) === listing(draft.pages)
}

export function viewOf(record: ItemRecord): Item {
  const { id, kind, tps, form, revision, signedAt, figures, trouble } = record
  return {
    id,
    kind,
    tps,
    form,
    revision,
    signedAt,
    figures,
    trouble,
    step: stepOf(record),
    pages: record.pages.map((page) => sentPage(page, slipFor(record, page.document))),
    slip: slipView(slipFor(record, id)),
    receipt: record.receipt && receiptView(record.receipt)
  }
}

const sentPage = (page: SentPageRecord, slip: SlipRecord | null): SentPage => ({
  number: page.number,
  document: page.document,
  fileName: page.fileName,
  type: page.type,
  sizeBytes: page.sizeBytes,
  warnings: page.warnings,
  sentBytes: slip ? page.sizeBytes : page.sentBytes,
  slip: slipView(slip)
})

const slipView = (slip: SlipRecord | null): Slip | null =>
  slip && { relay: slip.relay, number: slip.number, heldAt: slip.heldAt, clockSure: slip.clockSure }

const receiptView = ({ issuedAt, verdict, notes }: ReceiptRecord): Receipt => ({ issuedAt, verdict, notes })
