// What a picture's bytes and pixels say: format, size, sharpness, light. Pure.

export type Format = 'jpeg' | 'png' | 'webp' | 'heif' | 'other'

export interface Size {
  width: number
  height: number
}

const ascii = (head: Uint8Array, at: number, length: number) => String.fromCharCode(...head.subarray(at, at + length))

/** What a file is, by how it begins; a name or type that somebody gave it says nothing. */
export function formatOf(head: Uint8Array): Format {
  if (head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff) return 'jpeg'
  if (ascii(head, 1, 3) === 'PNG') return 'png'
  if (ascii(head, 0, 4) === 'RIFF' && ascii(head, 8, 4) === 'WEBP') return 'webp'
  return ascii(head, 4, 4) === 'ftyp' && /^(hei|hev|mif1|msf1|avif)/.test(ascii(head, 8, 4)) ? 'heif' : 'other'
}

/** Width and height in pixels as a JPEG or PNG says them before its pixels come; null if they are not in `head`. */
export function sizeOf(head: Uint8Array): Size | null {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const format = formatOf(head)
  if (format === 'png' && head.length >= 24) return { width: view.getUint32(16), height: view.getUint32(20) }
  return format === 'jpeg' ? sizeOfJpeg(view) : null
}

/** From marker to marker until a start of frame (ITU T.81 B.2.2). */
function sizeOfJpeg(view: DataView): Size | null {
  for (let at = 2; at + 9 <= view.byteLength; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint8(at + 1)
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (view.getUint8(at) !== 0xff) return null
    if (isFrame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) }
  }
  return null
}

/** Light of each pixel, 0 to 255, from RGBA (ITU-R BT.601). */
export function greyOf(rgba: Uint8ClampedArray): Uint8Array {
  const grey = new Uint8Array(rgba.length / 4)
  for (let at = 0; at < grey.length; at++) {
    const from = 4 * at
    grey[at] = 0.299 * (rgba[from] ?? 0) + 0.587 * (rgba[from + 1] ?? 0) + 0.114 * (rgba[from + 2] ?? 0)
  }
  return grey
}

export const mean = (grey: Uint8Array): number => grey.reduce((sum, light) => sum + light, 0) / (grey.length || 1)

/** The variance of the Laplacian: large where there are edges, small if everything is blurred. */
export function sharpness(grey: Uint8Array, { width, height }: Size): number {
  let sum = 0
  let squares = 0
  let count = 0
  for (let y = 1; y < height - 1; y++) {
    for (let at = y * width + 1; at < (y + 1) * width - 1; at++) {
      const around = light(grey, at - 1) + light(grey, at + 1) + light(grey, at - width) + light(grey, at + width)
      const bend = around - 4 * light(grey, at)
      sum += bend
      squares += bend * bend
      count += 1
    }
  }
  return count ? squares / count - (sum / count) ** 2 : 0
}

const light = (grey: Uint8Array, at: number): number => grey[at] ?? 0
