// Looking at a photograph before it is signed: what might make it hard to read. Warnings only; nothing is refused.
import { formatOf, greyOf, mean, type Size, sharpness, sizeOf } from './pictures'
import type { PhotographWarning } from './types'

const HEAD_BYTES = 256 * 1024
/** Pictures are looked at this wide: a page that is sharp here can be read. */
const LOOKED_AT_WIDTH = 1000
const SHORT_SIDE_LEAST = 900
const SHARPNESS_LEAST = 60
const LIGHT_LEAST = 60
/** Beyond this a cheap phone may not have the memory to decode it: four bytes a pixel. */
const PIXELS_MAX = 64_000_000

/** What there is to warn about; never throws. */
export async function look(photograph: Blob): Promise<PhotographWarning[]> {
  const head = new Uint8Array(await photograph.slice(0, HEAD_BYTES).arrayBuffer())
  if (formatOf(head) === 'other') return ['not-a-picture']
  const size = sizeOf(head)
  const warnings: PhotographWarning[] = size && Math.min(size.width, size.height) < SHORT_SIDE_LEAST ? ['small'] : []
  if (size && size.width * size.height > PIXELS_MAX) return warnings
  try {
    const pixels = await pixelsOf(photograph, size)
    const grey = greyOf(pixels.data)
    if (mean(grey) < LIGHT_LEAST) warnings.push('dark')
    if (sharpness(grey, pixels) < SHARPNESS_LEAST) warnings.push('blurred')
  } catch {
    warnings.push('cannot-be-shown') // HEIC in a browser that has no decoder for it
  }
  return warnings
}

/** The picture made small while it is decoded, so that only the small one stays in memory. */
async function pixelsOf(photograph: Blob, size: Size | null): Promise<ImageData> {
  const resizeWidth = Math.min(LOOKED_AT_WIDTH, size?.width ?? LOOKED_AT_WIDTH)
  const bitmap = await createImageBitmap(photograph, { resizeWidth, resizeQuality: 'medium' })
  try {
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
    const context = canvas.getContext('2d', { willReadFrequently: true })
    if (!context) throw new Error('no canvas')
    context.drawImage(bitmap, 0, 0)
    return context.getImageData(0, 0, bitmap.width, bitmap.height)
  } finally {
    bitmap.close()
  }
}
