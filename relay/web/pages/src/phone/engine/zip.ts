// A ZIP archive of files as they are, nothing compressed (APPNOTE.TXT 4.3): any phone and any computer opens it.

export interface Entry {
  name: string
  content: Blob
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1
  return value
})

const UTF8_NAMES = 0x0800
const VERSION = 20
/** 1 January 1980: when the files were made is in them, signed. */
const DATE = 0x0021

/** The archive. Contents are read once for their checksum, block by block, and are not copied. */
export async function zip(entries: readonly Entry[]): Promise<Blob> {
  const parts: BlobPart[] = []
  const directory: Uint8Array<ArrayBuffer>[] = []
  let offset = 0
  for (const { name, content } of entries) {
    const title = new TextEncoder().encode(name)
    const about = [VERSION, UTF8_NAMES, 0, 0, DATE]
    const sizes = [await crc32(content), content.size, content.size]
    const local = record([0x04034b50], about, sizes, [title.length, 0])
    directory.push(record([0x02014b50], [VERSION, ...about], sizes, [title.length, 0, 0, 0, 0], [0, offset]), title)
    parts.push(local, title, content)
    offset += local.length + title.length + content.size
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0)
  const end = record([0x06054b50], [0, 0, entries.length, entries.length], [size, offset], [0])
  return new Blob([...parts, ...directory, end], { type: 'application/zip' })
}

/** CRC-32 as ZIP and PNG have it. */
export async function crc32(content: Blob): Promise<number> {
  let crc = 0xffffffff
  const reader = content.stream().getReader()
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    for (const byte of value ?? []) crc = (TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8)
  }
  return (crc ^ 0xffffffff) >>> 0
}

/** Little-endian numbers: groups of four bytes and of two in turn, four first. */
function record(...groups: number[][]): Uint8Array<ArrayBuffer> {
  const sizes = groups.map((_, at) => (at % 2 ? 2 : 4))
  const bytes = new Uint8Array(groups.reduce((sum, group, at) => sum + group.length * (sizes[at] ?? 0), 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const [place, group] of groups.entries()) {
    for (const number of group) {
      if (place % 2) view.setUint16(at, number, true)
      else view.setUint32(at, number, true)
      at += sizes[place] ?? 0
    }
  }
  return bytes
}
