// Custody slips: a relay's signed "these bytes are on my disk". A slip is not a receipt: it lets nothing be dropped.

import type { Bytes } from './bytes'
import type { Sign1 } from './cose'
import { byteString, checkKeys, Key, Kind, malformed, payloadOf, TIME_MAX, unexpected, whole } from './payloads'

/** What a slip is about: a statement (named by its id) or a document (named by its SHA-256). */
export const Subject = { STATEMENT: 1, DOCUMENT: 2 } as const

/** `heldAt`: Unix seconds by the relay's clock, which is a guess unless `clockSure`. */
export interface Slip {
  readonly subjectKind: number
  readonly subject: Bytes
  readonly number: number
  readonly heldAt: number
  readonly clockSure: boolean
  readonly signed: Sign1
}

/** The slip in a parsed COSE_Sign1 (signature not checked here), or `Rejected`. */
export function read(signed: Sign1): Slip {
  const payload = payloadOf(signed)
  if (payload.get(Key.KIND) !== Kind.SLIP) throw unexpected('This is not a custody slip (kind 3).')
  checkKeys(payload, [Key.KIND, Key.TIME, Key.SUBJECT_KIND, Key.SUBJECT, Key.NUMBER, Key.CLOCK_SURE])
  const clockSure = payload.get(Key.CLOCK_SURE)
  if (typeof clockSure !== 'boolean') throw malformed("the slip does not say whether the relay's clock is sure")
  return {
    subjectKind: whole(payload.get(Key.SUBJECT_KIND), 1, 2, 'subject kind'),
    subject: byteString(payload.get(Key.SUBJECT), 32, 32, 'subject'),
    number: whole(payload.get(Key.NUMBER), 1, 2 ** 53, 'number'),
    heldAt: whole(payload.get(Key.TIME), 0, TIME_MAX, 'time'),
    clockSure,
    signed
  }
}
