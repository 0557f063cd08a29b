// COSE_Sign1 (RFC 9052 4.2) as this system uses it: ES256, one fixed protected header, signer named by x5t.
// Knows nothing of what is signed.

import { type Bytes, equal, fromHex, join, sha256, startsWith, utf8 } from './bytes'
import * as cbor from './cbor'
import { Rejected } from './errors'

export const BARE_BYTES_MAX = 4096
export const CHAIN_BYTES_MAX = 8192
export const MESSAGE_BYTES_MAX = BARE_BYTES_MAX + CHAIN_BYTES_MAX
const CHAIN_LENGTH_MAX = 3

// {1 (alg): -7 (ES256), 34 (x5t): [-15 (SHA-256/64), 8 bytes]}
const PROTECTED_START = fromHex('a201261822822e48')
const PROTECTED_LENGTH = PROTECTED_START.length + 8
const SIGN1_TAG = 0xd2 // 18
const TAGGED_ARRAY_OF_4 = fromHex('d284')
const X5CHAIN = 33 // RFC 9360 2
const ES256 = { name: 'ECDSA', hash: 'SHA-256' }

/** A COSE_Sign1 whose signature nobody has checked yet. */
export interface Sign1 {
  readonly protected: Bytes
  readonly payload: Bytes
  readonly signature: Bytes
  /** The message with an empty unprotected header: what is kept and forwarded. */
  readonly bare: Bytes
  /** The bytes that are signed (RFC 9052 4.4), with no external data. */
  readonly sigStructure: Bytes
  /** What travelled beside it in the unprotected header (DER, leaf first); it is not signed. */
  readonly chain: readonly Bytes[]
  /** Names the certificate of whoever says to have signed this: 8 bytes. */
  readonly x5t: Bytes
  /** SHA-256 of `sigStructure`: the same for every signature over the same content. */
  readonly id: Bytes
}

/** A private key (ECDSA P-256, usage `sign`) and its certificate in DER. */
export interface Signer {
  readonly key: CryptoKey
  readonly certificate: Bytes
}

/** SHA-256/64 of a certificate (RFC 9360 2, COSE algorithm -15): 8 bytes. */
export async function x5tOf(certificate: Bytes): Promise<Bytes> {
  return (await sha256(certificate)).slice(0, 8)
}

/** `payload` (deterministic CBOR, not looked at) signed. */
export async function sign(signer: Signer, payload: Bytes): Promise<Sign1> {
  const header = join(PROTECTED_START, await x5tOf(signer.certificate))
  const signature = await globalThis.crypto.subtle.sign(ES256, signer.key, sigStructure(header, payload))
  return putTogether(header, payload, new Uint8Array(signature), []) // WebCrypto gives r and s as COSE wants them
}

/** The message with `chain` (DER, leaf first) as x5chain in the unprotected header. */
export function withChain(signed: Sign1, chain: readonly Bytes[]): Bytes {
  const [leaf] = chain
  if (!leaf) return signed.bare
  const unprotected: cbor.Items = new Map([[X5CHAIN, chain.length === 1 ? leaf : [...chain]]])
  const items = [signed.protected, unprotected, signed.payload, signed.signature]
  return join(Uint8Array.of(SIGN1_TAG), cbor.encode(items))
}

/**
 * `data` taken apart; every byte of it is accounted for.
 *
 * Throws `Rejected` with statement-too-large, malformed-cbor, cbor-not-deterministic, cose-malformed or
 * algorithm-unsupported.
 */
export async function parse(data: Bytes): Promise<Sign1> {
  if (data.length > MESSAGE_BYTES_MAX) throw tooLarge(`A signed message has at most ${MESSAGE_BYTES_MAX} bytes.`)
  const [header, unprotected, payload, signature] = parts(data)
  checkProtected(header)
  if (signature.length !== 64) throw malformed('An ES256 signature has 64 bytes.')
  const message = await putTogether(header, payload, signature, chainOf(unprotected))
  if (message.bare.length > BARE_BYTES_MAX) throw tooLarge(`A statement has at most ${BARE_BYTES_MAX} bytes.`)
  if (!equal(data, withChain(message, message.chain))) {
    throw new Rejected('cbor-not-deterministic', 'The COSE message is not deterministically encoded.')
  }
  return message
}

/** `Rejected(signature-invalid)` unless `publicKey` (P-256) signed exactly this. */
export async function check(signed: Sign1, publicKey: CryptoKey): Promise<void> {
  if (await globalThis.crypto.subtle.verify(ES256, publicKey, signed.signature, signed.sigStructure)) return
  throw new Rejected('signature-invalid', 'The signature does not fit: altered, or signed by another key.')
}

async function putTogether(header: Bytes, payload: Bytes, signature: Bytes, chain: Bytes[]): Promise<Sign1> {
  const signed = sigStructure(header, payload)
  return {
    protected: header,
    payload,
    signature,
    bare: join(
      TAGGED_ARRAY_OF_4,
      cbor.byteString(header),
      Uint8Array.of(0xa0),
      cbor.byteString(payload),
      cbor.byteString(signature)
    ),
    sigStructure: signed,
    chain,
    x5t: header.slice(-8),
    id: await sha256(signed)
  }
}

function sigStructure(header: Bytes, payload: Bytes): Bytes {
  const context = join(fromHex('846a'), utf8('Signature1')) // RFC 9052 4.4
  return join(context, cbor.byteString(header), cbor.byteString(new Uint8Array()), cbor.byteString(payload))
}

function parts(data: Bytes): [Bytes, cbor.Item, Bytes, Bytes] {
  const first = data[0]
  if (first !== undefined && first >> 5 === 6 && first !== SIGN1_TAG) {
    throw malformed('This has another CBOR tag than the 18 of a COSE_Sign1 (RFC 9052 4.2).')
  }
  const items = cbor.decode(first === SIGN1_TAG ? data.slice(1) : data)
  if (first !== SIGN1_TAG || !Array.isArray(items) || items.length !== 4) {
    throw malformed('This is not a COSE_Sign1 with its tag 18 (RFC 9052 4.2).')
  }
  const [header, unprotected = null, payload, signature] = items
  if (!(header instanceof Uint8Array && payload instanceof Uint8Array && signature instanceof Uint8Array)) {
    throw malformed('Protected header, payload and signature must be byte strings.')
  }
  return [header, unprotected, payload, signature]
}

function checkProtected(header: Bytes): void {
  if (header.length === PROTECTED_LENGTH && startsWith(header, PROTECTED_START)) return
  const said = header.length > 0 ? cbor.decodeDeterministic(header) : null
  if (!(said instanceof Map) || said.get(1) !== -7) {
    throw new Rejected('algorithm-unsupported', 'The signature algorithm must be ES256 (alg -7).')
  }
  throw malformed('The protected header must be exactly {1: -7, 34: [-15, 8 bytes]}.')
}

function chainOf(unprotected: cbor.Item): Bytes[] {
  if (!(unprotected instanceof Map)) throw malformed('The unprotected header must be a map.')
  if (unprotected.size === 0) return []
  const value = unprotected.get(X5CHAIN)
  if (unprotected.size !== 1 || value === undefined) {
    throw malformed('The unprotected header may hold x5chain (33) and nothing else.')
  }
  const chain = (Array.isArray(value) ? value : [value]).map((item) => {
    if (item instanceof Uint8Array) return item
    throw malformed('x5chain holds certificates as byte strings.')
  })
  if (chain.length < 1 || chain.length > CHAIN_LENGTH_MAX) {
    throw malformed(`x5chain holds one to ${CHAIN_LENGTH_MAX} certificates.`)
  }
  if (chain.reduce((size, item) => size + item.length, 0) > CHAIN_BYTES_MAX) {
    throw tooLarge(`x5chain has at most ${CHAIN_BYTES_MAX} bytes.`)
  }
  return chain
}

const malformed = (why: string) => new Rejected('cose-malformed', why)
const tooLarge = (why: string) => new Rejected('statement-too-large', why)
