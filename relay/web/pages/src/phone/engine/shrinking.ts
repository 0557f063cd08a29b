// Drawing a picture small without ever holding it whole: one of 108 million pixels would take 430 MB of a cheap phone.
import { formatOf, type Size, sizeOf } from './pictures'

const HEAD_BYTES = 256 * 1024
/** What cannot be made small while it is decoded is decoded up to this size: four bytes a pixel. */
const WHOLE_PIXELS_MAX = 40_000_000

/** What a file's first bytes say: whether it is a picture, and how large one. */
export async function introduce(photograph: Blob): Promise<{ format: ReturnType<typeof formatOf>; size: Size | null }> {
  const head = new Uint8Array(await photograph.slice(0, HEAD_BYTES).arrayBuffer())
  return { format: formatOf(head), size: sizeOf(head) }
}

/** Draws `photograph` at most `widthMax` pixels wide; throws if this browser cannot show it. */
export async function drawSmall(
  photograph: Blob,
  widthMax: number,
  canvas: HTMLCanvasElement | OffscreenCanvas
): Promise<void> {
  const picture = await decodeSmall(photograph, widthMax)
  try {
    const [width, height] = 'displayWidth' in picture ? [picture.displayWidth, picture.displayHeight] : sidesOf(picture)
    const scale = Math.min(1, widthMax / width)
    canvas.width = Math.max(1, Math.round(width * scale))
    canvas.height = Math.max(1, Math.round(height * scale))
    const context = canvas.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D | null
    if (!context) throw new Error('no canvas')
    context.imageSmoothingQuality = 'medium'
    context.drawImage(picture, 0, 0, canvas.width, canvas.height)
  } finally {
    picture.close()
  }
}

const sidesOf = ({ width, height }: ImageBitmap): [number, number] => [width, height]

/** A JPEG is decoded at an eighth to eight eighths of its size, as little as is enough (WebCodecs, `desiredWidth`). */
async function decodeSmall(photograph: Blob, width: number): Promise<VideoFrame | ImageBitmap> {
  const { format, size } = await introduce(photograph)
  if (format === 'jpeg' && size && 'ImageDecoder' in globalThis) {
    const scale = Math.min(1, width / Math.min(size.width, size.height)) // turned sideways, the height is the width
    const desired = { desiredWidth: Math.ceil(size.width * scale), desiredHeight: Math.ceil(size.height * scale) }
    const decoder = new ImageDecoder({ data: photograph.stream(), type: 'image/jpeg', ...desired })
    try {
      return (await decoder.decode()).image
    } finally {
      decoder.close()
    }
  }
  if (size && size.width * size.height > WHOLE_PIXELS_MAX) throw new Error('too large to be shown')
  return createImageBitmap(photograph, { resizeWidth: Math.min(width, size?.width ?? width), resizeQuality: 'medium' })
}
