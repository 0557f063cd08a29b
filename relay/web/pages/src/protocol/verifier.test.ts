// Nothing that was altered on the way is believed, whatever byte it was; and a proof proves only what it is about.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Bytes, sha256, toHex, utf8 } from './bytes'
import * as cose from './cose'
import { Rejected } from './errors'
import { read as readReceipt, Verdict } from './receipts'
import { read as readSlip } from './slips'
import { pin } from './trust'
import { verifyReceipt, verifySlip, verifyStatement } from './verifier'

const FOLDER = resolve(import.meta.dirname, '../../../../../tests/vectors')
const read = (name: string): Bytes => new Uint8Array(readFileSync(resolve(FOLDER, name)))

const trust = await pin(read('certificates/kpu-root.der'))
const kabupaten = read('certificates/kpu-6501.der')
const receipt = read('signed/receipt.cose')
const slip = read('signed/slip-statement.cose')
const tally = read('signed/tally.cose')
const centre = [read('certificates/centre.der')]
const relay = [read('certificates/relay.der'), kabupaten]
const officer = [read('certificates/officer.der'), kabupaten]
const other = await sha256(utf8('another statement'))

const refused = (code: string) => expect.objectContaining({ code })

const PATIENT = 60_000 // milliseconds: machines that run tests may be slow

/** `data` with one bit turned over, for each of its bytes, or for one of so many. */
const altered = (data: Bytes, every = 1): Bytes[] =>
  Array.from(data.keys())
    .filter((at) => at % every === 0)
    .map((at) => data.with(at, (data[at] ?? 0) ^ (1 << (at % 8))))

/** How each of these was judged: a code, or `believed`. */
const verdicts = (judged: Promise<unknown>[]): Promise<string[]> =>
  Promise.all(
    judged.map((one) =>
      one.then(
        () => 'believed',
        (error: unknown) => {
          if (error instanceof Rejected) return error.code
          throw error
        }
      )
    )
  )

describe('a receipt', () => {
  test('is believed about the statement of which it speaks', async () => {
    const [said] = readReceipt(await cose.parse(receipt)).outcomes
    const { outcome, signer } = await verifyReceipt(trust, receipt, said?.statement ?? other, { chain: centre })
    expect(outcome.verdict).toBe(Verdict.RECORDED)
    expect(signer.role).toBe('pusat')
  })

  test('says nothing of another statement', async () => {
    await expect(verifyReceipt(trust, receipt, other, { chain: centre })).rejects.toThrow(
      refused('statement-malformed')
    )
  })

  test('that a relay signed is none', async () => {
    const forged = read('signed/receipt-by-relay.cose')
    await expect(verifyReceipt(trust, forged, other, { chain: relay })).rejects.toThrow(refused('role-not-allowed'))
  })

  test('under another root is none', async () => {
    const strange = await pin(read('certificates/another-root.der'))
    await expect(verifyReceipt(strange, receipt, other, { chain: centre })).rejects.toThrow(refused('chain-broken'))
  })

  test('is not believed with any byte altered', { timeout: PATIENT }, async () => {
    const [said] = readReceipt(await cose.parse(receipt)).outcomes
    const about = said?.statement ?? other
    const judged = altered(receipt).map((data) => verifyReceipt(trust, data, about, { chain: centre }))
    expect(await verdicts(judged)).not.toContain('believed')
  })
})

describe('a slip', () => {
  test('is believed about its subject, and about nothing else', async () => {
    const { subject } = readSlip(await cose.parse(slip))
    const { slip: found, signer } = await verifySlip(trust, slip, subject, { chain: relay })
    expect(toHex(found.subject)).toBe(toHex(subject))
    expect(signer).toMatchObject({ role: 'relay', scope: '650108' })
    await expect(verifySlip(trust, slip, other, { chain: relay })).rejects.toThrow(refused('statement-malformed'))
  })
})

describe('a statement', () => {
  test('is not believed with any byte of it altered', { timeout: PATIENT }, async () => {
    const judged = altered(tally).map((data) => verifyStatement(trust, data, { chain: officer }))
    expect(await verdicts(judged)).not.toContain('believed')
  })

  test("is not believed with its signer's certificate or CA altered", { timeout: PATIENT }, async () => {
    const [leaf = kabupaten] = officer
    const chains = [
      ...altered(leaf, 5).map((der) => [der, kabupaten]),
      ...altered(kabupaten, 5).map((der) => [leaf, der])
    ]
    const judged = chains.map((chain) => trust.identify(chain, null))
    expect(await verdicts(judged)).not.toContain('believed')
  })

  test('is judged by the moment only where one is given', async () => {
    await verifyStatement(trust, tally, { chain: officer })
    const long = verifyStatement(trust, tally, { chain: officer, at: 4_000_000_000 })
    await expect(long).rejects.toThrow(refused('certificate-not-valid-now'))
  })
})
