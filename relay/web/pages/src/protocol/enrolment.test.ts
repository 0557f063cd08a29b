// Enrolling: codes as people type them, and who can have asked and answered.

import { describe, expect, test } from 'vitest'
import { type Bytes, join, sha256, utf8 } from './bytes'
import { answerHolds, readCode, request, showCode } from './enrolment'

describe('a one-time code', () => {
  test.each(['K7Q2-M4XD-9FTA', 'kpu-enrol:K7Q2M4XD9FTA', 'k7q2m4xd9fta', ' k7q2 m4xd 9fta ', 'K7Q2–M4XD—9FTA'])(
    'is read from %j',
    (typed) => {
      expect(readCode(typed)).toBe('K7Q2M4XD9FTA')
    }
  )

  test('forgives O for 0, I and L for 1', () => {
    expect(readCode('oOiI-lL00-1122')).toBe('001111001122')
  })

  test.each(['', 'K7Q2-M4XD-9FT', 'K7Q2-M4XD-9FTAA', 'K7Q2-M4XD-9FTU', 'K7Q2-M4XD-9FT!'])('is not %j', (typed) => {
    expect(readCode(typed)).toBeNull()
  })

  test('is shown in fours', () => {
    expect(showCode('K7Q2M4XD9FTA')).toBe('K7Q2-M4XD-9FTA')
  })
})

describe('an answer', () => {
  const leaf = utf8('a certificate')
  const root = utf8('a root')

  async function proof(code: string): Promise<Bytes> {
    const use = { name: 'HMAC', hash: 'SHA-256' }
    const key = await crypto.subtle.importKey('raw', utf8(code), use, false, ['sign'])
    const said = join(utf8('kpu-enrol-answer'), await sha256(leaf), await sha256(root))
    return new Uint8Array(await crypto.subtle.sign('HMAC', key, said))
  }

  test('holds if whoever gave it knows the code', async () => {
    expect(await answerHolds('K7Q2M4XD9FTA', leaf, root, await proof('K7Q2M4XD9FTA'))).toBe(true)
  })

  test('does not hold with another code, another root, or another certificate', async () => {
    const given = await proof('K7Q2M4XD9FTA')
    expect(await answerHolds('K7Q2M4XD9FTB', leaf, root, given)).toBe(false)
    expect(await answerHolds('K7Q2M4XD9FTA', leaf, utf8('another root'), given)).toBe(false)
    expect(await answerHolds('K7Q2M4XD9FTA', utf8('another'), root, given)).toBe(false)
    expect(await answerHolds('K7Q2M4XD9FTA', leaf, root, new Uint8Array())).toBe(false)
  })
})

test('a request needs no key that can be taken out of the browser', async () => {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
  const { id, der } = await request(keys, 'Siti Aminah, S.Pd.', 'K7Q2M4XD9FTA')
  expect(id).toMatch(/^[0-9a-f]{64}$/)
  expect(der[0]).toBe(0x30)
})
