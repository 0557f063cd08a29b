// Judging what arrives: the steps of PROTOCOL.md "A signed message, step by step", put together.

import { type Bytes, equal } from './bytes'
import { covers } from './codes'
import * as cose from './cose'
import { Rejected } from './errors'
import { Kind } from './payloads'
import * as receipts from './receipts'
import type { Role } from './roles'
import * as slips from './slips'
import * as statements from './statements'
import type { Identity, Trust } from './trust'

/** How strictly: certificates known for a bare message's x5t (leaf first), and the moment, null if no clock is sure. */
export interface Judging {
  readonly chain?: readonly Bytes[]
  readonly at?: number | null
}

/** The statement in `data` and who signed it, if he may say that of its station; otherwise `Rejected`. */
export async function verifyStatement(
  trust: Trust,
  data: Bytes,
  judging: Judging = {}
): Promise<{ statement: statements.Statement; signer: Identity }> {
  const statement = await statements.parse(data)
  const signer = await signerOf(trust, statement.signed, judging.chain, [statement.kind === Kind.NOTE ? 'ppk' : 'kpps'])
  if (!covers(signer.scope, statement.tps)) {
    throw new Rejected('station-not-signers', `${signer.name} is certified for ${signer.scope}, not ${statement.tps}.`)
  }
  checkTime(signer, judging.at)
  return { statement, signer }
}

/** The slip in `data`, if a relay signed it for exactly this subject (statement id or SHA-256 of a photograph). */
export async function verifySlip(
  trust: Trust,
  data: Bytes,
  subject: Bytes,
  judging: Judging = {}
): Promise<{ slip: slips.Slip; signer: Identity }> {
  const signed = await cose.parse(data)
  const signer = await verifySigner(trust, signed, judging, ['relay'])
  const slip = slips.read(signed)
  if (!equal(slip.subject, subject)) throw new Rejected('statement-malformed', 'The slip is about something else.')
  return { slip, signer }
}

/** The receipt in `data` and what it says of `statement` (an id), if the centre signed it. */
export async function verifyReceipt(
  trust: Trust,
  data: Bytes,
  statement: Bytes,
  judging: Judging = {}
): Promise<{ receipt: receipts.Receipt; outcome: receipts.Outcome; signer: Identity }> {
  const signed = await cose.parse(data)
  const signer = await verifySigner(trust, signed, judging, ['pusat'])
  const receipt = receipts.read(signed)
  const outcome = receipts.outcomeFor(receipt, statement)
  if (!outcome) throw new Rejected('statement-malformed', 'The receipt does not speak of this statement.')
  return { receipt, outcome, signer }
}

/** Who signed this, if it is somebody of one of `roles`; otherwise `Rejected`. */
export async function verifySigner(
  trust: Trust,
  signed: cose.Sign1,
  judging: Judging,
  roles: readonly Role[]
): Promise<Identity> {
  const signer = await signerOf(trust, signed, judging.chain, roles)
  checkTime(signer, judging.at)
  return signer
}

async function signerOf(
  trust: Trust,
  signed: cose.Sign1,
  chain: readonly Bytes[] | undefined,
  roles: readonly Role[]
): Promise<Identity> {
  const known = signed.chain.length > 0 ? signed.chain : (chain ?? [])
  const [leaf] = known
  if (!leaf) throw new Rejected('signer-unknown', "The signer's certificate is not known here.")
  if (!equal(await cose.x5tOf(leaf), signed.x5t)) {
    throw new Rejected('chain-broken', 'The certificate sent along is not the one that x5t names.')
  }
  const signer = await trust.identify(known, null)
  // the signature first: what is said after this is said of what its signer really signed
  await cose.check(signed, signer.publicKey)
  if (roles.includes(signer.role)) return signer
  throw new Rejected('role-not-allowed', `${signer.name} is certified as ${signer.role}, who may not sign this.`)
}

function checkTime(signer: Identity, at: number | null = null): void {
  if (at === null || (at >= signer.notBefore && at <= signer.notAfter)) return
  throw new Rejected('certificate-not-valid-now', `The certificates of ${signer.name} are not all valid at that time.`)
}
