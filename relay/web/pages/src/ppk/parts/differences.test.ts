import { describe, expect, it } from 'vitest'
import { differences } from './differences'

const columns = (...rows: (number | null)[][]) => rows.map((figures, at) => ({ name: `${at}`, figures }))

describe('differences', () => {
  it('are the positions at which any column says something else', () => {
    expect(differences(columns([1, 2, 3], [1, 5, 3], [1, 2, 4]))).toEqual(new Set([1, 2]))
  })

  it('hold a blank box for something else than zero', () => {
    expect(differences(columns([0, null], [null, null]))).toEqual(new Set([0]))
  })

  it('are none where there is one column', () => {
    expect(differences(columns([1, 2])).size).toBe(0)
  })
})
