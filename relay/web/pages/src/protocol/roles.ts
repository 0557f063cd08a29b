// What a certificate says of its holder: a role, and a region or station, in its one name `urn:kpu:ROLE[:SCOPE]`.

import type { Certificate } from './certificates'
import { LEVELS, NATIONAL } from './codes'
import { Rejected } from './errors'

const URN = 'urn:kpu:'

/** `ca` an authority, `kpps` officers of a station, `ppk` operators of a kecamatan, `pusat` the centre. */
export const ROLES = ['ca', 'kpps', 'ppk', 'relay', 'pusat'] as const
export type Role = (typeof ROLES)[number]

/** Role and scope that a certificate says, or `Rejected(role-unknown)`. */
export function roleAndScope(certificate: Certificate): { role: Role; scope: string } {
  const urns = certificate.uris.filter((uri) => uri.startsWith(URN))
  const [urn] = urns
  if (urn === undefined || urns.length > 1) throw unknown('A certificate has exactly one name urn:kpu:….')
  const [word, scope = NATIONAL] = urn.slice(URN.length).split(':')
  const role = ROLES.find((known) => known === word)
  if (!role || !(scope.length in LEVELS) || !/^[0-9]*$/.test(scope)) throw unknown(`The role ${urn} is not known here.`)
  if (urn !== URN + role + (scope ? `:${scope}` : '')) throw unknown(`The role ${urn} is not written as it must be.`)
  if (role === 'kpps' && scope.length !== 10 && scope.length !== 13) {
    throw unknown('A KPPS officer is certified for one TPS or one village, not for more.')
  }
  if (role === 'pusat' && scope !== NATIONAL) {
    throw unknown('The centre is certified for the whole country, not for a region.') // else any CA could make a centre
  }
  return { role, scope }
}

const unknown = (why: string) => new Rejected('role-unknown', why)
