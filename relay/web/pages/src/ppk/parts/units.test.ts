import { describe, expect, it } from 'vitest'
import { coverage, rate, span, stationName } from './units'

describe('a length of time', () => {
  it.each([
    [0, '0 dtk'],
    [59.6, '1 mnt'],
    [3599, '59 mnt'],
    [7500, '2 jam 5 mnt'],
    [176 * 3600, '7 hari 8 jam'],
    [-5, '0 dtk']
  ])('of %d seconds is %s', (seconds, words) => {
    expect(span(seconds)).toBe(words)
  })
})

describe('coverage', () => {
  it('says of how many', () => expect(coverage(14, 16)).toBe('14 dari 16 TPS'))
  it('does not invent of how many where no list of TPS is known', () => expect(coverage(14, 0)).not.toContain('dari'))
  it('is never more than all', () => expect(coverage(17, 16)).toBe('17 dari 17 TPS'))
})

it('a rate is in bits, as links are sold', () => expect(rate(8000)).toBe('64 kbit/s'))
it('a station is called by its number', () => expect(stationName('6501082001003')).toBe('TPS 3'))
