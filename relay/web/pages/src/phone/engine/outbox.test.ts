// Two tabs over one database: what is typed here is never replaced by what another tab read or wrote before.

import 'fake-indexeddb/auto'
import { expect, test } from 'vitest'
import { type DraftRecord, openDatabase } from '../../holder/database'
import { Outbox } from './outbox'

const TPS = '6501082001001'

const draft = (form: number, first: number): DraftRecord => ({
  tps: TPS,
  form,
  figures: [first, null],
  kept: [],
  pages: [],
  changedAt: first
})

test('a key press outlives whatever another tab says meanwhile', async () => {
  const database = await openDatabase()
  const [here, there] = await Promise.all([Outbox.open(database, () => {}), Outbox.open(database, () => {})])
  await here.keepDraft(draft(2401, 1))
  await there.keepDraft(draft(2402, 2))
  const heard = here.reload() // reads the disk as it was before the next key press
  const pressed = here.keepDraft(draft(2401, 3))
  await heard
  expect(here.find(TPS, 2401)?.figures).toEqual([3, null])
  expect(here.find(TPS, 2402)?.figures).toEqual([2, null])
  await pressed
  await there.reload()
  expect(there.find(TPS, 2401)?.figures).toEqual([3, null])
})

test('a draft that is being dropped does not come back', async () => {
  const outbox = await Outbox.open(await openDatabase(), () => {})
  await outbox.keepDraft(draft(2403, 1))
  const heard = outbox.reload()
  const dropped = outbox.dropDraft(TPS, 2403)
  await heard
  expect(outbox.find(TPS, 2403)).toBeUndefined()
  await dropped
  await outbox.reload()
  expect(outbox.find(TPS, 2403)).toBeUndefined()
})
