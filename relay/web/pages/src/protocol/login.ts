// Logging in: an operator's key signs the challenge of a node, for the origin that his browser sees.

import type { Bytes } from './bytes'
import * as cbor from './cbor'
import type { Sign1 } from './cose'
import { byteString, checkKeys, Key, Kind, payloadOf, TIME_MAX, textString, unexpected, whole } from './payloads'

export const CHALLENGE_BYTES = 32
export const ORIGIN_BYTES_MAX = 255

/** `origin` as `location.origin` has it, so that a login to one node is worth nothing at another. */
export interface Login {
  readonly signedAt: number
  readonly challenge: Bytes
  readonly origin: string
}

/** The payload of a login. */
export function login(content: Login): Bytes {
  const payload: [number, cbor.Item][] = [
    [Key.KIND, Kind.LOGIN],
    [Key.TIME, content.signedAt],
    [Key.CHALLENGE, content.challenge],
    [Key.ORIGIN, content.origin]
  ]
  return cbor.encode(new Map<cbor.Item, cbor.Item>(payload))
}

/** The login in a parsed COSE_Sign1 (signature not checked here), or `Rejected`. */
export function read(signed: Sign1): Login {
  const payload = payloadOf(signed)
  if (payload.get(Key.KIND) !== Kind.LOGIN) throw unexpected('This is not a login (kind 8).')
  checkKeys(payload, [Key.KIND, Key.TIME, Key.CHALLENGE, Key.ORIGIN])
  return {
    signedAt: whole(payload.get(Key.TIME), 0, TIME_MAX, 'time'),
    challenge: byteString(payload.get(Key.CHALLENGE), CHALLENGE_BYTES, CHALLENGE_BYTES, 'challenge'),
    origin: textString(payload.get(Key.ORIGIN), 1, ORIGIN_BYTES_MAX, 'origin')
  }
}
