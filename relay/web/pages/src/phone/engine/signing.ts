// Signing what a draft holds, and putting it into the outbox: on the disk before anything is sent.
import type { DraftRecord, ItemRecord } from '../../holder/database'
import type { Holding } from '../../holder/holder'
import { Problem, problemOf } from '../../holder/problem'
import { type Bytes, fromHex, toHex } from '../../protocol/bytes'
import { covers } from '../../protocol/codes'
import { catalogue, pack } from '../../protocol/forms'
import { REVISION_MAX } from '../../protocol/payloads'
import { documents, tally } from '../../protocol/statements'
import { documentsOf } from './drafts'
import { type ItemKind, isVoid, latest, newest, says } from './items'
import type { Outbox } from './outbox'

const KINDS = ['tally', 'documents'] as const

/**
 * What the draft holds of these kinds, signed; the draft goes when nothing in it is left to be signed.
 *
 * Only what the officer has `seen` is signed. What says the same as the newest of its kind is that one again. Throws
 * `Problem` with not-enrolled, station-not-signers, draft-changed, draft-empty, photograph-missing or storage-full.
 */
export async function signDraft(
  outbox: Outbox,
  holding: Holding,
  seen: DraftRecord,
  draft: DraftRecord,
  kinds: readonly ItemKind[]
): Promise<ItemRecord[]> {
  const { scope } = holding.certified
  if (!covers(scope, draft.tps)) {
    throw new Problem('station-not-signers', `This phone is certified for ${scope}, not for ${draft.tps}.`)
  }
  const signed: ItemRecord[] = []
  const made: ItemRecord[] = []
  for (const kind of kinds) {
    if (!says({ ...seen, kind }, draft)) {
      throw new Problem('draft-changed', 'Another tab has changed what is to be signed; look at it again.')
    }
    await check(outbox, draft, kind)
    const before = latest(outbox.items.value, { ...draft, kind })
    const record =
      before && !isVoid(before) && says(before, draft) ? before : await recordOf(outbox, holding, draft, kind)
    if (record !== before) made.push(record)
    signed.push(record)
  }
  await keep(outbox, made)
  if (isDone(outbox, draft)) await outbox.dropDraft(draft.tps, draft.form)
  return signed
}

async function check(outbox: Outbox, draft: DraftRecord, kind: ItemKind): Promise<void> {
  const empty = kind === 'tally' ? draft.figures.every((figure) => figure === null) : draft.pages.length === 0
  if (empty) throw new Problem('draft-empty', 'There is nothing to sign yet.')
  if (kind === 'tally') return
  const sent = new Set(outbox.items.value.flatMap((item) => item.slips.map((slip) => slip.subject)))
  for (const document of documentsOf(draft)) {
    if (!sent.has(document) && !(await outbox.photograph(document))) {
      throw new Problem('photograph-missing', 'A photograph is not on this phone any more; take it again.')
    }
  }
}

async function recordOf(outbox: Outbox, holding: Holding, draft: DraftRecord, kind: ItemKind): Promise<ItemRecord> {
  const { tps, form } = draft
  const revision = outbox.nextRevision({ tps, form, kind })
  if (revision > REVISION_MAX) throw new Problem('bad-request', `There are no more than ${REVISION_MAX} revisions.`)
  const signedAt = Math.floor(Date.now() / 1000)
  const signed = await holding.sign(payloadOf(draft, kind, { tps, form, revision, signedAt }))
  return {
    id: toHex(signed.id),
    kind,
    tps,
    form,
    revision,
    signedAt,
    figures: kind === 'tally' ? [...draft.figures] : null,
    bare: signed.bare,
    chain: [...holding.certified.chain],
    pages: kind === 'documents' ? draft.pages.map((page) => ({ ...page, sentBytes: 0 })) : [],
    slips: [],
    receipt: null,
    underWay: false,
    trouble: null
  }
}

function payloadOf(
  draft: DraftRecord,
  kind: ItemKind,
  about: { tps: string; form: number; revision: number; signedAt: number }
): Bytes {
  if (kind === 'documents') {
    const pages = draft.pages.map(({ number, document, sizeBytes }) => ({
      number,
      document: fromHex(document),
      sizeBytes
    }))
    return documents({ ...about, pages })
  }
  if (!catalogue.has(draft.form)) throw new Problem('form-unknown', `There is no form ${draft.form} in this version.`)
  return tally({ ...about, figures: pack(draft.figures) })
}

/** Figures come before photographs: if there is no room, bytes that the centre has go first. */
async function keep(outbox: Outbox, made: ItemRecord[]): Promise<void> {
  if (made.length === 0) return
  try {
    await outbox.add(made)
  } catch {
    await outbox.makeRoom()
    await outbox.add(made).catch((error: unknown) => {
      throw problemOf(error)
    })
  }
}

/** Whether everything in the draft is signed, photographs too. */
function isDone(outbox: Outbox, draft: DraftRecord): boolean {
  return KINDS.every((kind) => {
    const last = newest(outbox.items.value, { tps: draft.tps, form: draft.form, kind })
    return last !== null && says(last, draft)
  })
}
