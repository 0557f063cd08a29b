// Notes: what a PPK's operator signs about statements of a station, such as which of two in conflict is right.
// A note is a statement: it goes up like any, and overwrites nothing.

import { type Bytes, equal, toHex } from './bytes'
import type { Item } from './cbor'
import { type About, byteString, encode, items, Key, Kind, malformed, type Payload, textString } from './payloads'

export const ABOUT_MAX = 16
export const TEXT_BYTES_MAX = 1000

/** `about`: ids of statements, ascending, each once; `favours`: one of them, or null; `text`: 1 to 1000 bytes UTF-8. */
export interface NoteBody {
  readonly about: readonly Bytes[]
  readonly favours: Bytes | null
  readonly text: string
}

/** The payload of a note; `about` in any order. */
export function note(content: About & NoteBody): Bytes {
  return encode(Kind.NOTE, content, [
    [Key.ABOUT, content.about.toSorted((one, other) => (toHex(one) < toHex(other) ? -1 : 1))],
    [Key.FAVOURS, content.favours],
    [Key.TEXT, content.text]
  ])
}

/** What the payload of a note holds beside what every statement does. */
export function readNoteBody(payload: Payload): NoteBody {
  const about = readIds(payload.get(Key.ABOUT))
  const favours = payload.get(Key.FAVOURS)
  return {
    about,
    favours: favours === null ? null : readFavoured(favours, about),
    text: textString(payload.get(Key.TEXT), 1, TEXT_BYTES_MAX, 'text')
  }
}

function readIds(item: Item | undefined): Bytes[] {
  const ids = items(item, 1, ABOUT_MAX, 'about').map((id) => byteString(id, 32, 32, 'statement id'))
  if (ids.some((id, at) => toHex(id) <= toHex(ids[at - 1] ?? new Uint8Array()))) {
    throw malformed('the statements that a note is about must ascend, each once')
  }
  return ids
}

function readFavoured(item: Item | undefined, about: Bytes[]): Bytes {
  const favoured = byteString(item, 32, 32, 'favoured id')
  if (about.some((id) => equal(id, favoured))) return favoured
  throw malformed('a note favours one of the statements that it is about, or none (null)')
}
