// The operator's key in this browser, opened once and only when it is needed.
import { type Holding, openHolder } from '../../holder'
import { openDatabase } from '../../holder/database'

let opening: Promise<Holding> | null = null

export function holding(): Promise<Holding> {
  opening ??= openDatabase().then((database) => openHolder('ppk', database))
  return opening
}
