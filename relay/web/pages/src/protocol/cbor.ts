// The door to cborg: deterministic CBOR (RFC 8949 4.2.1), bounded, and nothing else.
//
// What is signed must have exactly one encoding, so decoding encodes again and compares. No item of ours is tagged
// (COSE's tag 18 is `cose`'s matter), so tags are refused while decoding.

import * as cborg from 'cborg'
import { type Bytes, equal, join, startsWith } from './bytes'
import { Rejected } from './errors'

/** A CBOR item. Whole numbers beyond 2^53 - 1 are `bigint`; numbers with a point or exponent are `Float`. */
export type Item = number | bigint | Float | string | boolean | null | Bytes | Item[] | Items
export type Items = Map<Item, Item>

/** A floating-point number, which no message of ours has: kept apart, since to JavaScript 1.0 is 1. */
export class Float {
  constructor(readonly value: number) {}
}

const DEPTH_MAX = 16
const BYTE_STRING = 2

const ENCODING: cborg.EncodeOptions = {
  ...cborg.rfc8949EncodeOptions,
  typeEncoders: { Object: (item) => (item instanceof Float ? new cborg.Token(cborg.Type.float, item.value) : null) }
}

const DECODING: cborg.DecodeOptions = {
  allowBigInt: true,
  allowIndefinite: false,
  allowUndefined: false,
  rejectDuplicateMapKeys: true,
  retainStringBytes: true,
  useMaps: true
}

/** The deterministic encoding of `item`. */
export function encode(item: Item): Bytes {
  return new Uint8Array(cborg.encode(item, ENCODING))
}

/** A byte string as an item; quicker than `encode`. */
export function byteString(content: Uint8Array): Bytes {
  const size = content.length
  if (size < 24) return join(Uint8Array.of((BYTE_STRING << 5) | size), content)
  if (size < 2 ** 8) return join(Uint8Array.of(0x58, size), content)
  return encode(new Uint8Array(content))
}

/** The item that `data` begins with, or `Rejected(malformed-cbor)`. Bytes behind it are not noticed here. */
export function decode(data: Bytes): Item {
  try {
    const [item] = cborg.decodeFirst(data, { ...DECODING, tokenizer: new Tokenizer(data, DECODING) })
    checkDepth(item, 0)
    return item
  } catch (error) {
    throw new Rejected('malformed-cbor', `The bytes are not well-formed CBOR: ${(error as Error).message}.`)
  }
}

/**
 * The one item that `data` is.
 *
 * `Rejected(malformed-cbor)` if it is none or more than one, `Rejected(cbor-not-deterministic)` if RFC 8949 4.2.1
 * encodes the same item otherwise.
 */
export function decodeDeterministic(data: Bytes): Item {
  const item = decode(data)
  const again = encode(item)
  if (equal(again, data)) return item
  if (startsWith(data, again)) throw new Rejected('malformed-cbor', 'More bytes follow the CBOR item.')
  throw new Rejected('cbor-not-deterministic', 'The CBOR is not deterministically encoded (RFC 8949 4.2.1).')
}

/** The library's, but that it tells floats from whole numbers, and refuses what is not UTF-8. */
class Tokenizer extends cborg.Tokenizer {
  private readonly text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

  override next(): cborg.Token {
    const token = super.next()
    if (token.type === cborg.Type.float) return new cborg.Token(token.type, new Float(token.value))
    if (token.type === cborg.Type.string && token.byteValue) token.value = this.text.decode(token.byteValue)
    return token
  }
}

function checkDepth(item: Item, depth: number): void {
  if (depth > DEPTH_MAX) throw new RangeError('items lie too deep inside one another')
  if (Array.isArray(item)) for (const inner of item) checkDepth(inner, depth + 1)
  if (item instanceof Map) for (const pair of item) checkDepth(pair, depth)
}
