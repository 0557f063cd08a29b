// What this browser itself can say of a statement: whether slip and receipt hold under the root that it has pinned.
import { openDatabase, type ReceiptRecord, type SlipRecord } from '../../holder/database'
import { Problem } from '../../holder/problem'
import { Proofs } from '../../holder/proofs'
import { bytesOf, statement, trust } from '../../holder/relay'
import { type Bytes, fromHex } from '../../protocol/bytes'
import { holding } from './holding'

export interface Proven {
  slip: SlipRecord
  receipt: ReceiptRecord | null
}

let opening: Promise<Proofs> | null = null

async function open(): Promise<Proofs> {
  const { certified } = await holding()
  return Proofs.open(certified.root, await openDatabase())
}

async function proofs(): Promise<Proofs> {
  opening ??= open().catch((error: unknown) => {
    opening = null // tried again by the next who asks
    throw error
  })
  const opened = await opening
  const { certificates, crls } = await trust() // a new centre, another CA, a revocation since
  await opened.learn(certificates, crls)
  return opened
}

/** The slip in `data` for a statement (id, hex); `Problem(slip-false)`. */
export const proveSlip = async (data: Bytes, id: string): Promise<SlipRecord> => (await proofs()).slip(data, id)

/** Asks for slip and receipt of a statement and judges them; `Problem` with slip-false, receipt-false. */
export async function prove(id: string): Promise<Proven> {
  const view = await statement(id)
  const judge = await proofs()
  if (!view.slip) throw new Problem('slip-false', 'The relay shows no slip for this statement.')
  const [slip] = bytesOf([view.slip])
  const [receipt] = view.receipt ? bytesOf([view.receipt]) : []
  return {
    slip: await judge.slip(slip ?? fromHex(''), id),
    receipt: receipt ? await judge.receipt(receipt, id) : null
  }
}
