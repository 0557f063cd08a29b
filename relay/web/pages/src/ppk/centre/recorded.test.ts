import { expect, it } from 'vitest'
import { byRevision, type Recorded } from './recorded'

const recorded = (id: string, revision: number, state = 'at-centre') => ({ id, revision, state }) as Recorded

it('the newest revision comes first, those that disagree together, and nothing that was refused', () => {
  const all = [recorded('a', 1), recorded('b', 2), recorded('c', 2), recorded('d', 3, 'refused')]
  expect(byRevision(all).map((items) => items.map(({ id }) => id))).toEqual([['b', 'c'], ['a']])
})
