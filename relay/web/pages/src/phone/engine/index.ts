// Where the phone's page gets its engine.
import { openDatabase } from '../../holder/database'
import { openHolder } from '../../holder/holder'
import { Problem } from '../../holder/problem'
import { startEngine } from './engine'
import type { Engine } from './types'

export { Problem } from '../../holder/problem'
export type * from './types'

/** The engine. `Problem(insecure-context)` or `Problem(storage-unavailable)` where this browser cannot keep a key. */
export async function createEngine(): Promise<Engine> {
  if (!globalThis.isSecureContext || !globalThis.crypto?.subtle || !navigator.locks) {
    throw new Problem('insecure-context', 'Keys are made on pages that come over https only.')
  }
  // without it the page works, and does not open where there is no network; it is tried again at each start
  void navigator.serviceWorker?.register('/sw.js').catch(() => undefined)
  const database = await openDatabase()
  return startEngine(database, await openHolder('phone', database))
}
