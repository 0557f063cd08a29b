// The addresses of the phone's screens, each written in one place.

import { at } from '../../look/route'

export const home = at()
export const settings = at('settings')
export const newCode = at('enrol')
export const chooser = at('tps')
export const station = (tps: string): string => at('tps', tps)
export const form = (tps: string, code: number): string => at('tps', tps, code)
export const sheet = (tps: string, code: number, id: string): string => at('tps', tps, code, 'fill', id)
export const photographs = (tps: string, code: number): string => at('tps', tps, code, 'photographs')
export const review = (tps: string, code: number): string => at('tps', tps, code, 'review')
export const item = (id: string): string => at('item', id)
export const proof = (id: string): string => at('item', id, 'proof')

/** `TPS 001` of a TPS code. */
export const tpsName = (tps: string): string => `TPS ${tps.slice(-3)}`
