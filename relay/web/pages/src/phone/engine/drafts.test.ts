// What a form begins with when it is opened again.

import 'fake-indexeddb/auto'
import { expect, test, vi } from 'vitest'
import { type ItemRecord, openDatabase } from '../../holder/database'
import type { Receipt } from './types'

vi.stubGlobal('localStorage', { getItem: () => null })
const { Drafts } = await import('./drafts')
const { Outbox } = await import('./outbox')

const TPS = '6501082001001'
const FORM = 2401

const signed = (id: string, revision: number, figures: number[], change: Partial<ItemRecord>): ItemRecord => ({
  id,
  kind: 'tally',
  tps: TPS,
  form: FORM,
  revision,
  signedAt: 100 * revision,
  figures,
  bare: new Uint8Array(),
  chain: [],
  pages: [],
  slips: [],
  receipt: null,
  underWay: false,
  trouble: null,
  ...change
})

const verdict = (verdict: Receipt['verdict']) => ({
  receipt: { verdict, issuedAt: 1, notes: [], bytes: new Uint8Array() }
})

test('a correction that was refused is mended, and not what it was to correct', async () => {
  const outbox = await Outbox.open(await openDatabase(), () => {})
  const drafts = new Drafts(outbox)
  await outbox.add([signed('aa', 1, [10], verdict('recorded')), signed('bb', 2, [11], verdict('refused'))])
  expect((await drafts.open(TPS, FORM)).figures).toEqual([11])
  await drafts.discard(TPS, FORM)
  const again = signed('cc', 2, [12], { signedAt: 1 }) // by a phone whose clock went back
  await outbox.add([again])
  expect((await drafts.open(TPS, FORM)).figures).toEqual([12])
})
