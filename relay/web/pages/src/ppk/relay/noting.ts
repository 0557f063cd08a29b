// A note, signed with this browser's key and handed over like any statement, until the relay's slip for it holds.
import type { SlipRecord } from '../../holder/database'
import * as relay from '../../holder/relay'
import { fromHex, toHex } from '../../protocol/bytes'
import { type Sign1, withChain } from '../../protocol/cose'
import { note } from '../../protocol/notes'
import { holding } from './holding'
import { proveSlip } from './proving'

/** What is to be said; ids in hex. */
export interface NoteDraft {
  tps: string
  form: number
  revision: number
  about: string[]
  favours: string | null
  text: string
}

/** Signed, and without a slip yet: the very same bytes are handed over again, or one note would become two. */
const unsettled = new Map<string, Sign1>()

/** Signs and hands over; called again after an error, it goes on with what was signed. Throws `Problem`. */
export async function handOver(draft: NoteDraft): Promise<{ id: string; slip: SlipRecord }> {
  const key = JSON.stringify(draft)
  const mine = await holding()
  const signed = unsettled.get(key) ?? (await mine.sign(payloadOf(draft)))
  unsettled.set(key, signed)
  const data = await relay.handOver(withChain(signed, mine.certified.chain))
  const id = toHex(signed.id)
  const slip = await proveSlip(data, id)
  unsettled.delete(key)
  return { id, slip }
}

const payloadOf = ({ tps, form, revision, about, favours, text }: NoteDraft) =>
  note({
    tps,
    form,
    revision,
    signedAt: Math.floor(Date.now() / 1000),
    about: about.map(fromHex),
    favours: favours === null ? null : fromHex(favours),
    text
  })
