// One statement with its proofs, to be given away: a file that holds everything, and a short text for a QR code.
import type { Database, ItemRecord } from '../../holder/database'
import { Problem } from '../../holder/problem'
import { Proofs } from '../../holder/proofs'
import { type Bytes, toBase64url } from '../../protocol/bytes'
import { encode } from '../../protocol/cbor'
import { parse, withChain } from '../../protocol/cose'
import { toBase45 } from './base45'
import { slipFor } from './items'
import { formatOf } from './pictures'
import { type Entry, zip } from './zip'

/** How a proof as text begins: whoever scans it sees what it is, and `relay verify --text` reads it. */
export const TEXT_START = 'KPU1:'
/** More than this is a QR code that phones cannot scan from a phone's screen. */
export const TEXT_BYTES_MAX = 1000
const SUFFIXES = { jpeg: '.jpg', png: '.png', webp: '.webp', heif: '.heic', other: '.bin' }

/**
 * Everything there is of an item, as `relay phone export` writes it, in one ZIP: `relay verify --export FILE`.
 *
 * statement.cose, receipt.cose, slip-1.cose … each with the chain of its signer; page-1.jpg … the originals that are
 * still on this phone; root.pem, crl-1.der … what this phone trusts.
 */
export async function proofFile(record: ItemRecord, root: Bytes, database: Database): Promise<File> {
  const proofs = await Proofs.open(root, database)
  const files: [string, Bytes | string | null][] = [
    ['statement.cose', withChain(await parse(record.bare), record.chain)],
    ['receipt.cose', record.receipt?.bytes ?? null],
    ...record.slips.map((slip, at): [string, Bytes] => [`slip-${at + 1}.cose`, slip.bytes]),
    ...proofs.crls.map((der, at): [string, Bytes] => [`crl-${at + 1}.der`, der]),
    ['root.pem', pem(root)]
  ]
  const entries: Entry[] = files.flatMap(([name, content]) => (content ? [{ name, content: new Blob([content]) }] : []))
  for (const { number, document } of record.pages) {
    const content = await database.get('photographs', document)
    if (content) entries.push({ name: `page-${number}${await suffixOf(content)}`, content })
  }
  const name = `${record.tps}-${record.form}-${record.kind}-${record.revision}-${record.id.slice(0, 8)}.zip`
  return new File([await zip(entries)], name, { type: 'application/zip' })
}

/**
 * The statement, and its receipt or else its slip, without certificates: base45 of a CBOR array, for a QR code.
 *
 * A receipt that speaks of many statements gives way to the slip. `Problem(proof-too-large)` if nothing is small enough.
 */
export async function proofText(record: ItemRecord): Promise<string> {
  for (const proof of [record.receipt, slipFor(record, record.id)]) {
    if (!proof) continue
    const bytes = encode([record.bare, (await parse(proof.bytes)).bare])
    if (bytes.length <= TEXT_BYTES_MAX) return TEXT_START + toBase45(bytes)
  }
  const bytes = encode([record.bare])
  if (bytes.length <= TEXT_BYTES_MAX) return TEXT_START + toBase45(bytes)
  throw new Problem('proof-too-large', 'This is too long for a QR code; save it as a file.')
}

const suffixOf = async (content: Blob): Promise<string> =>
  SUFFIXES[formatOf(new Uint8Array(await content.slice(0, 16).arrayBuffer()))]

function pem(der: Bytes): string {
  const text = toBase64url(der).replaceAll('-', '+').replaceAll('_', '/')
  const padded = text.padEnd(Math.ceil(text.length / 4) * 4, '=')
  const lines = padded.match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
