// Payloads: the maps that are signed, each of which says its kind; and their values, read strictly.

import { type Bytes, utf8 } from './bytes'
import * as cbor from './cbor'
import { tpsCode } from './codes'
import type { Sign1 } from './cose'
import { Rejected } from './errors'

/** What a signed payload is (key 1 of every payload), so that none can be taken for another. */
export const Kind = { TALLY: 1, DOCUMENTS: 2, SLIP: 3, RECEIPT: 4, NOTE: 7, LOGIN: 8 } as const

/** The keys of payload maps; one number means one thing in every kind. */
export const Key = {
  KIND: 1,
  TPS: 2,
  FORM: 3,
  REVISION: 4,
  TIME: 5,
  FIGURES: 6,
  PAGES: 7,
  SUBJECT_KIND: 8,
  SUBJECT: 9,
  NUMBER: 10,
  CLOCK_SURE: 11,
  OUTCOMES: 12,
  ABOUT: 19,
  FAVOURS: 20,
  TEXT: 21,
  CHALLENGE: 22,
  ORIGIN: 23
} as const

export const TIME_MAX = 2 ** 34
export const REVISION_MAX = 99
export const FORM_MAX = 2 ** 16 - 1

/** What every statement says of itself; `signedAt` in Unix seconds by the phone's clock. */
export interface About {
  readonly tps: string
  readonly form: number
  readonly revision: number
  readonly signedAt: number
}

/** A payload that says its kind. */
export type Payload = ReadonlyMap<number, cbor.Item>

/** The payload of a kind that is about a station's form. */
export function encode(kind: number, about: About, body: [number, cbor.Item][]): Bytes {
  const head: [number, cbor.Item][] = [
    [Key.KIND, kind],
    [Key.TPS, Number(about.tps)],
    [Key.FORM, about.form],
    [Key.REVISION, about.revision],
    [Key.TIME, about.signedAt]
  ]
  return cbor.encode(new Map<cbor.Item, cbor.Item>([...head, ...body]))
}

/** Station, form, revision and time out of a payload. */
export function readAbout(payload: Payload): About {
  return {
    tps: tpsCode(String(whole(payload.get(Key.TPS), 0, 10 ** 13 - 1, 'TPS code')).padStart(13, '0')),
    form: whole(payload.get(Key.FORM), 1, FORM_MAX, 'form'),
    revision: whole(payload.get(Key.REVISION), 1, REVISION_MAX, 'revision'),
    signedAt: whole(payload.get(Key.TIME), 0, TIME_MAX, 'time')
  }
}

/** The payload as a map that says its kind, deterministically encoded, or `Rejected`. */
export function payloadOf(signed: Sign1): Payload {
  const payload = cbor.decodeDeterministic(signed.payload)
  if (!(payload instanceof Map) || ![...payload.keys()].every((key) => isWhole(key))) {
    throw malformed('the payload is not a map with whole numbers as keys')
  }
  if (!isWhole(payload.get(Key.KIND))) throw unexpected('The payload does not say with a whole number what it is.')
  return payload as Payload
}

/** `Rejected(statement-malformed)` unless the payload has exactly these keys. */
export function checkKeys(payload: Payload, keys: readonly number[]): void {
  if (payload.size !== keys.length || !keys.every((key) => payload.has(key))) {
    throw malformed('it does not have exactly the keys of its kind')
  }
}

/** `item` if it is a whole number within [least, most]; otherwise `Rejected(statement-malformed)`. */
export function whole(item: cbor.Item | undefined, least: number, most: number, name: string): number {
  if (isWhole(item) && item >= least && item <= most) return Number(item)
  throw malformed(`${name} must be a whole number from ${least} to ${most}`)
}

/** `item` if it is a byte string of `least` to `most` bytes; otherwise `Rejected(statement-malformed)`. */
export function byteString(item: cbor.Item | undefined, least: number, most: number, name: string): Bytes {
  if (item instanceof Uint8Array && item.length >= least && item.length <= most) return item
  throw malformed(`${name} must be a byte string of ${least} to ${most} bytes`)
}

/** `item` if it is text of `least` to `most` bytes in UTF-8; otherwise `Rejected(statement-malformed)`. */
export function textString(item: cbor.Item | undefined, least: number, most: number, name: string): string {
  const size = typeof item === 'string' ? utf8(item).length : -1
  if (typeof item === 'string' && size >= least && size <= most) return item
  throw malformed(`${name} must be text of ${least} to ${most} bytes in UTF-8`)
}

/** `item` if it is an array of `least` to `most` items; otherwise `Rejected(statement-malformed)`. */
export function items(item: cbor.Item | undefined, least: number, most: number, name: string): cbor.Item[] {
  if (Array.isArray(item) && item.length >= least && item.length <= most) return item
  throw malformed(`${name} must be an array of ${least} to ${most} items`)
}

export const malformed = (why: string) => new Rejected('statement-malformed', `The statement is malformed: ${why}.`)
export const unexpected = (why: string) => new Rejected('kind-unexpected', why)

const isWhole = (item: cbor.Item | undefined): item is number | bigint =>
  typeof item === 'number' || typeof item === 'bigint' // what has a point or an exponent is a `cbor.Float`
