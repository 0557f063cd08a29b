// The operator's key in this browser, opened once and only when it is needed.
import { type Holding, openHolder } from '../../holder'

let opening: Promise<Holding> | null = null

export function holding(): Promise<Holding> {
  opening ??= openHolder('ppk')
  return opening
}
