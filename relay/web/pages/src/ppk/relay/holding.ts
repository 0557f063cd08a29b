// The operator's key in this browser, opened once and only when it is needed.
import { type Holding, openHolder } from '../../holder'

let opening: Promise<Holding> | null = null

/** What could not be opened is tried again by the next who asks. */
export function holding(): Promise<Holding> {
  opening ??= openHolder('ppk').catch((error: unknown) => {
    opening = null
    throw error
  })
  return opening
}
