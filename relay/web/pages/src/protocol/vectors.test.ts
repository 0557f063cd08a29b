// Every example of tests/vectors is judged here as the centre, a strict judge, does in Python: verdict and code.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Bytes, toHex } from './bytes'
import { covers } from './codes'
import * as cose from './cose'
import { Rejected } from './errors'
import * as forms from './forms'
import * as login from './login'
import * as receipts from './receipts'
import * as slips from './slips'
import { Kind } from './statements'
import { type Identity, pin, type Trust } from './trust'
import { verifySigner, verifyStatement } from './verifier'

interface Entry {
  name: string
  rule: string
  file: string
  chain: string[]
  expected?: { ok?: Record<string, unknown>; code?: string }
}

interface Index {
  judged_at: number
  root: string
  authorities: string[]
  crls: string[]
  certificates: Entry[]
  examples: Entry[]
}

const FOLDER = resolve(import.meta.dirname, '../../../../../tests/vectors')
const read = (name: string): Bytes => new Uint8Array(readFileSync(resolve(FOLDER, name)))
const index: Index = JSON.parse(readFileSync(resolve(FOLDER, 'vectors.json'), 'utf8'))
const at = index.judged_at
const KECAMATAN = '650108' // whose page the examples of logins are for

/** What a receiver knows: the root, its CAs, their revocation lists. */
async function known(): Promise<Trust> {
  const pinned = await pin(read(index.root))
  const { trust, refused } = await pinned.learn(index.authorities.map(read), index.crls.map(read))
  expect(refused).toEqual([])
  return trust
}

const trust = await known()

type Found = Record<string, unknown>
type Judge = (data: Bytes, chain: Bytes[]) => Promise<Found>

const described = (signed: cose.Sign1, signer: Identity): Found => ({
  signer: signer.name,
  x5t: toHex(signed.x5t),
  id: toHex(signed.id)
})

const judges: Record<string, Judge> = {
  statement: async (data, chain) => {
    const { statement, signer } = await verifyStatement(trust, data, { chain, at })
    const form = forms.catalogue.get(statement.form)
    if (!form) throw new Rejected('form-unknown', 'as the centre says')
    const { tps, revision } = statement
    const about = { tps, form: statement.form, revision, signed_at: statement.signedAt }
    const found = { ...described(statement.signed, signer), ...about }
    if (statement.kind === Kind.DOCUMENTS) {
      const pages = statement.pages.map((page) => ({
        page: page.number,
        document: toHex(page.document),
        size_bytes: page.sizeBytes
      }))
      return { ...found, kind: 'documents', pages }
    }
    if (statement.kind === Kind.NOTE) {
      const { about, favours, text } = statement
      return { ...found, kind: 'note', about: about.map(toHex), favours: favours && toHex(favours), text }
    }
    const figures = forms.unpack(form, statement.figures)
    const named = Object.fromEntries(form.fields.map((field) => [field.id, figures[field.position]]))
    const packed = toHex(statement.figures)
    return { ...found, kind: 'tally', packed, figures: named, flags: forms.flags(form, figures) }
  },
  slip: async (data, chain) => {
    const signed = await cose.parse(data)
    const signer = await verifySigner(trust, signed, { chain, at }, ['relay'])
    const { subjectKind, subject, number, heldAt, clockSure } = slips.read(signed)
    const said = { subject_kind: subjectKind, subject: toHex(subject), number, held_at: heldAt, clock_sure: clockSure }
    return { ...described(signed, signer), ...said }
  },
  receipt: async (data, chain) => {
    const signed = await cose.parse(data)
    const signer = await verifySigner(trust, signed, { chain, at }, ['pusat'])
    const receipt = receipts.read(signed)
    const outcomes = receipt.outcomes.map((outcome) => ({ ...outcome, statement: toHex(outcome.statement) }))
    return { ...described(signed, signer), issued_at: receipt.issuedAt, outcomes }
  },
  login: async (data, chain) => {
    const signed = await cose.parse(data)
    const signer = await verifySigner(trust, signed, { chain, at }, ['ppk'])
    const { signedAt, challenge, origin } = login.read(signed)
    if (!covers(signer.scope, KECAMATAN)) throw new Rejected('station-not-signers', 'as the node says')
    return { ...described(signed, signer), signed_at: signedAt, challenge: toHex(challenge), origin }
  }
}

async function verdict(judged: Promise<Found>, wanted: Found): Promise<Entry['expected']> {
  try {
    const found = await judged
    return { ok: Object.fromEntries(Object.keys(wanted).map((key) => [key, found[key]])) }
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    return { code: error.code }
  }
}

const applying = index.examples.filter((entry) => entry.rule in judges)

describe('a signed message is judged as the vectors say', () => {
  test.each(applying)('$name', async (entry) => {
    const judge = judges[entry.rule] as Judge
    const judged = judge(read(entry.file), entry.chain.map(read))
    expect(await verdict(judged, entry.expected?.ok ?? {})).toEqual(entry.expected)
  })

  test('of all kinds that a page reads', () => {
    expect(new Set(applying.map((entry) => entry.rule))).toEqual(new Set(Object.keys(judges)))
    expect(applying.filter((entry) => entry.expected?.code).length).toBeGreaterThan(80)
  })
})

describe('a certificate is judged as the vectors say', () => {
  test.each(index.certificates.filter((entry) => entry.expected))('$name', async (entry) => {
    const judged = trust.identify(entry.chain.map(read), at).then(({ role, scope }): Found => ({ role, scope }))
    expect(await verdict(judged, entry.expected?.ok ?? {})).toEqual(entry.expected)
  })

  test('in whatever order CAs and lists are learned', async () => {
    const pinned = await pin(read(index.root))
    const { trust: backwards, refused } = await pinned.learn(
      index.authorities.toReversed().map(read),
      index.crls.toReversed().map(read)
    )
    expect(refused).toEqual([])
    expect(new Set(backwards.learned.certificates.map(toHex))).toEqual(new Set(trust.learned.certificates.map(toHex)))
    expect(backwards.learned.crls).toHaveLength(index.crls.length)
  })

  test('and what does not belong to the root is not learned', async () => {
    const strange = ['certificates/another-6501.der', 'certificates/officer.der'].map(read)
    const { trust: same, refused } = await trust.learn(strange, [])
    expect(refused.map((error) => error.code)).toEqual(['chain-broken', 'chain-broken'])
    expect(same.learned).toEqual(trust.learned)
  })
})
