// Judging what a relay brings, under the pinned root: a slip or receipt that is false is believed in nothing.
//
// Time is not judged, since a relay's clock is a guess; revocation is.

import { type Bytes, fromHex, toHex } from '../protocol/bytes'
import { parse, withChain } from '../protocol/cose'
import { type Identity, pin, type Trust } from '../protocol/trust'
import { verifyReceipt, verifySlip } from '../protocol/verifier'
import type { Database, ReceiptRecord, SlipRecord } from './database'
import { Problem, problemOf } from './problem'

const VERDICTS = { 1: 'recorded', 2: 'conflict', 3: 'refused' } as const
const NODES = ['relay', 'pusat']

export class Proofs {
  private readonly leaves = new Map<string, Bytes>()

  private constructor(
    private trust: Trust,
    private readonly database: Database
  ) {}

  /** With the pinned root (DER), and what was learned before. */
  static async open(root: Bytes, database: Database): Promise<Proofs> {
    const proofs = new Proofs(await pin(root), database)
    const known = await database.get('trust', 'trust')
    if (known) await proofs.take(known.certificates, known.crls)
    return proofs
  }

  /** DER of the root, and of the revocation lists that are known. */
  get root(): Bytes {
    return this.trust.root
  }

  get crls(): Bytes[] {
    return this.trust.learned.crls
  }

  /** Takes in what a relay says of trust, as far as it holds under the root, and writes that down. */
  async learn(certificates: readonly Bytes[], crls: readonly Bytes[]): Promise<void> {
    await this.take(certificates, crls)
    const learned = this.trust.learned
    const record = { certificates: [...learned.certificates, ...this.leaves.values()], crls: learned.crls }
    await this.database.put('trust', record, 'trust')
  }

  /** The relay that shows these certificates, its own first; `Problem(relay-false)` if the root certified no such relay. */
  async relay([first]: readonly Bytes[]): Promise<Identity> {
    try {
      const identity = await this.trust.identify(first ? [first] : [], null)
      if (identity.role === 'relay') return identity
      throw new Problem('relay-false', `${identity.name} is certified as ${identity.role}, not as a relay.`)
    } catch (error) {
      throw new Problem('relay-false', problemOf(error).detail)
    }
  }

  /** The slip in `data` for the statement or photograph (hex); `Problem(slip-false)` if it does not hold. */
  async slip(data: Bytes, subject: string): Promise<SlipRecord> {
    try {
      const { slip, signer } = await verifySlip(this.trust, data, fromHex(subject), await this.judging(data))
      const { number, heldAt, clockSure, signed } = slip
      const bytes = withChain(signed, signer.chain)
      return { signer: toHex(signer.x5t), relay: signer.name, subject, number, heldAt, clockSure, bytes }
    } catch (error) {
      throw new Problem('slip-false', problemOf(error).detail)
    }
  }

  /** The receipt in `data` and what it says of the statement (hex); `Problem(receipt-false)` if it does not hold. */
  async receipt(data: Bytes, statement: string): Promise<ReceiptRecord> {
    try {
      const judging = await this.judging(data)
      const { receipt, outcome, signer } = await verifyReceipt(this.trust, data, fromHex(statement), judging)
      const verdict = VERDICTS[outcome.verdict as keyof typeof VERDICTS]
      const bytes = withChain(receipt.signed, signer.chain)
      return { issuedAt: receipt.issuedAt, verdict, notes: [...outcome.notes], bytes }
    } catch (error) {
      throw new Problem('receipt-false', problemOf(error).detail)
    }
  }

  private async judging(data: Bytes): Promise<{ chain: Bytes[] }> {
    const leaf = this.leaves.get(toHex((await parse(data)).x5t))
    return { chain: leaf ? [leaf] : [] }
  }

  private async take(certificates: readonly Bytes[], crls: readonly Bytes[]): Promise<void> {
    this.trust = (await this.trust.learn(certificates, crls)).trust
    for (const der of certificates) {
      const identity = await this.trust.identify([der], null).catch(() => null) // a CA, or nobody we know
      if (identity && NODES.includes(identity.role)) this.leaves.set(toHex(identity.x5t), der)
    }
  }
}
