// Deterministic CBOR: what is written in one way only, and what is refused.

import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from './bytes'
import * as cbor from './cbor'

const refused = (code: string) => expect.objectContaining({ code })

describe('encoding', () => {
  test('puts keys in order and numbers in their shortest form', () => {
    expect(
      toHex(
        cbor.encode(
          new Map<cbor.Item, cbor.Item>([
            [24, 6501082001001],
            [3, -7],
            [1, null]
          ])
        )
      )
    ).toBe('a301f6032618181b000005e9a6aeee69')
  })

  test.each([0, 1, 23, 24, 255, 256, 4096])('of a byte string of %d bytes is the same in both ways', (size) => {
    const content = new Uint8Array(size).fill(7)
    expect(cbor.byteString(content)).toEqual(cbor.encode(content))
  })
})

describe('decoding', () => {
  test.each([
    ['00', 0],
    ['1b001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['1b0020000000000000', 2n ** 53n],
    ['3903e7', -1000],
    ['f5', true],
    ['63e282ac', '€'],
    ['63efbbbf', '\ufeff'],
    ['820102', [1, 2]],
    ['f93c00', new cbor.Float(1)],
    ['fb3ff199999999999a', new cbor.Float(1.1)]
  ])('%s', (hex, item) => {
    expect(cbor.decodeDeterministic(fromHex(hex))).toEqual(item)
  })

  test.each([
    ['a number longer than it must be', '1801'],
    ['a length longer than it must be', '590001ff'],
    ['a float longer than it must be', 'fb3ff0000000000000'],
    ['keys out of order', 'a202000100']
  ])('finds %s not deterministic', (_, hex) => {
    expect(() => cbor.decodeDeterministic(fromHex(hex))).toThrow(refused('cbor-not-deterministic'))
  })

  test.each([
    ['nothing', ''],
    ['two items', '0000'],
    ['an array of indefinite length', '9f01ff'],
    ['a byte string of indefinite length', '5f4101ff'],
    ['a key twice', 'a201000101'],
    ['a tag', 'c001'],
    ['a shared reference', 'd81c00'],
    ['a bignum', 'c24101'],
    ['undefined', 'f7'],
    ['what is not UTF-8', '61ff'],
    ['an array that never ends', '9bffffffffffffffff'],
    ['a byte string that never ends', '5bffffffffffffffff'],
    ['17 arrays inside one another', `${'81'.repeat(17)}00`],
    ['12,000 arrays inside one another', `${'81'.repeat(12_000)}00`]
  ])('refuses %s', (_, hex) => {
    expect(() => cbor.decodeDeterministic(fromHex(hex))).toThrow(refused('malformed-cbor'))
  })

  test('leaves alone what follows the first item, where that is asked', () => {
    expect(cbor.decode(fromHex('0102'))).toBe(1)
  })
})
