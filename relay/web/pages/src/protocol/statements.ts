// Statements: an officer's tally (the figures of one form) or documents (its photographs); an operator's note on them.
// Reading checks shape only; who signed and whether they may is `verifier`'s matter.

import { type Bytes, toHex } from './bytes'
import type * as cbor from './cbor'
import * as cose from './cose'
import { type NoteBody, readNoteBody } from './notes'
import {
  type About,
  byteString,
  checkKeys,
  encode,
  items,
  Key,
  Kind,
  malformed,
  payloadOf,
  readAbout,
  unexpected,
  whole
} from './payloads'

export { type About, Key, Kind } from './payloads'
export const FIGURES_BYTES_MAX = 1024
export const PAGES_MAX = 64
export const PAGE_NUMBER_MAX = 99
export const DOCUMENT_BYTES_MAX = 64 * 2 ** 20

const COMMON = [Key.KIND, Key.TPS, Key.FORM, Key.REVISION, Key.TIME]

/** One photographed page: its number on the form, the SHA-256 of the file and its size in bytes. */
export interface Page {
  readonly number: number
  readonly document: Bytes
  readonly sizeBytes: number
}

/** A well-formed statement; `signed` holds the exact bytes, `id` is SHA-256 of the Sig_structure. */
export type Statement = About & { readonly id: Bytes; readonly signed: cose.Sign1 } & (Tally | Documents | Note)

/** `figures` as `forms.pack` makes them. */
export interface Tally {
  readonly kind: typeof Kind.TALLY
  readonly figures: Bytes
}

export interface Documents {
  readonly kind: typeof Kind.DOCUMENTS
  readonly pages: readonly Page[]
}

export interface Note extends NoteBody {
  readonly kind: typeof Kind.NOTE
}

/** The payload of a tally; `figures` as `forms.pack` makes them. */
export const tally = (content: About & { figures: Bytes }): Bytes =>
  encode(Kind.TALLY, content, [[Key.FIGURES, content.figures]])

/** The payload of a documents statement; pages in ascending order of their number. */
export function documents(content: About & { pages: readonly Page[] }): Bytes {
  const listing = content.pages.map((page) => [page.number, page.document, page.sizeBytes])
  return encode(Kind.DOCUMENTS, content, [[Key.PAGES, listing]])
}

/** The statement in a COSE_Sign1. Throws `Rejected` as `cose.parse` and `read` do. */
export const parse = async (data: Bytes): Promise<Statement> => read(await cose.parse(data))

/**
 * The statement in a parsed COSE_Sign1.
 *
 * Throws `Rejected` with malformed-cbor, cbor-not-deterministic, kind-unexpected, statement-malformed or tps-malformed.
 */
export function read(signed: cose.Sign1): Statement {
  const payload = payloadOf(signed)
  const says = { ...readKind(payload.get(Key.KIND), payload), ...readAbout(payload) }
  return { ...says, id: signed.id, signed }
}

function readKind(kind: cbor.Item | undefined, payload: ReadonlyMap<number, cbor.Item>): Tally | Documents | Note {
  if (kind === Kind.TALLY) {
    checkKeys(payload, [...COMMON, Key.FIGURES])
    return { kind, figures: byteString(payload.get(Key.FIGURES), 1, FIGURES_BYTES_MAX, 'figures') }
  }
  if (kind === Kind.DOCUMENTS) {
    checkKeys(payload, [...COMMON, Key.PAGES])
    return { kind, pages: readPages(payload.get(Key.PAGES)) }
  }
  if (kind === Kind.NOTE) {
    checkKeys(payload, [...COMMON, Key.ABOUT, Key.FAVOURS, Key.TEXT])
    return { kind, ...readNoteBody(payload) }
  }
  throw unexpected('A statement is a tally (1), documents (2) or a note (7).')
}

function readPages(item: cbor.Item | undefined): Page[] {
  const pages = items(item, 1, PAGES_MAX, 'pages').map((page) => {
    const [number, document, size] = items(page, 3, 3, 'a page')
    return {
      number: whole(number, 1, PAGE_NUMBER_MAX, 'page number'),
      document: byteString(document, 32, 32, 'document'),
      sizeBytes: whole(size, 1, DOCUMENT_BYTES_MAX, 'document size')
    }
  })
  if (pages.some((page, at) => page.number <= (pages[at - 1]?.number ?? 0))) {
    throw malformed('page numbers must ascend, each once')
  }
  const sizes = new Map(pages.map((page) => [toHex(page.document), page.sizeBytes]))
  if (pages.some((page) => sizes.get(toHex(page.document)) !== page.sizeBytes)) {
    throw malformed('one document cannot have two sizes')
  }
  return pages
}
