// Receipts: the centre's signed "recorded" or "refused, because". Only a receipt lets a copy be dropped.

import { type Bytes, equal } from './bytes'
import type { Item } from './cbor'
import type { Sign1 } from './cose'
import { byteString, checkKeys, items, Key, Kind, malformed, payloadOf, TIME_MAX, unexpected, whole } from './payloads'

export const OUTCOMES_MAX = 32
export const NOTES_MAX = 64
export const NOTE_LENGTH_MAX = 64

/** What the centre did with a statement. All three are final for whoever carries it. */
export const Verdict = { RECORDED: 1, CONFLICT: 2, REFUSED: 3 } as const

/** One statement's verdict; `notes` are codes: the reason of a refusal, or the flags of what was recorded. */
export interface Outcome {
  readonly statement: Bytes
  readonly verdict: number
  readonly notes: readonly string[]
}

/** `issuedAt`: Unix seconds by the centre's clock. */
export interface Receipt {
  readonly issuedAt: number
  readonly outcomes: readonly Outcome[]
  readonly signed: Sign1
}

/** The receipt in a parsed COSE_Sign1 (signature not checked here), or `Rejected`. */
export function read(signed: Sign1): Receipt {
  const payload = payloadOf(signed)
  if (payload.get(Key.KIND) !== Kind.RECEIPT) throw unexpected('This is not a receipt (kind 4).')
  checkKeys(payload, [Key.KIND, Key.TIME, Key.OUTCOMES])
  const outcomes = items(payload.get(Key.OUTCOMES), 1, OUTCOMES_MAX, 'outcomes').map(readOutcome)
  return { issuedAt: whole(payload.get(Key.TIME), 0, TIME_MAX, 'time'), outcomes, signed }
}

/** What a receipt says of one statement, if anything. */
export const outcomeFor = (receipt: Receipt, statement: Bytes): Outcome | undefined =>
  receipt.outcomes.find((outcome) => equal(outcome.statement, statement))

function readOutcome(item: Item): Outcome {
  const [statement, verdict, notes] = items(item, 3, 3, 'an outcome')
  return {
    statement: byteString(statement, 32, 32, 'statement id'),
    verdict: whole(verdict, 1, 3, 'verdict'),
    notes: items(notes, 0, NOTES_MAX, 'notes').map((note) => {
      if (typeof note === 'string' && [...note].length <= NOTE_LENGTH_MAX) return note // characters, not UTF-16 units
      throw malformed('a note is a short text')
    })
  }
}
