// Looking at a photograph before it is signed: what might make it hard to read. Warnings only; nothing is refused.

import type { PhotographWarning } from '../../holder/database'
import { greyOf, mean, sharpness } from './pictures'
import { drawSmall, introduce } from './shrinking'

/** Pictures are looked at this wide: a page that is sharp here can be read. */
const LOOKED_AT_WIDTH = 1000
const SHORT_SIDE_LEAST = 900
const SHARPNESS_LEAST = 60
const LIGHT_LEAST = 60

/** What there is to warn about; never throws. */
export async function look(photograph: Blob): Promise<PhotographWarning[]> {
  const { format, size } = await introduce(photograph)
  if (format === 'other') return ['not-a-picture']
  const warnings: PhotographWarning[] = size && Math.min(size.width, size.height) < SHORT_SIDE_LEAST ? ['small'] : []
  try {
    const pixels = await pixelsOf(photograph)
    const grey = greyOf(pixels.data)
    if (mean(grey) < LIGHT_LEAST) warnings.push('dark')
    if (sharpness(grey, pixels) < SHARPNESS_LEAST) warnings.push('blurred')
  } catch {
    warnings.push('cannot-be-shown') // HEIC in a browser that has no decoder for it
  }
  return warnings
}

async function pixelsOf(photograph: Blob): Promise<ImageData> {
  const canvas = new OffscreenCanvas(1, 1)
  await drawSmall(photograph, LOOKED_AT_WIDTH, canvas)
  const context = canvas.getContext('2d')
  if (!context) throw new Error('no canvas')
  return context.getImageData(0, 0, canvas.width, canvas.height)
}
