// Whether a path of certificates, from one to the root above it, holds by RFC 5280 6.1; each CA of it is checked once.

import { type Bytes, equal, toHex } from './bytes'
import type { Certificate, Signed } from './certificates'
import { covers } from './codes'
import { Rejected } from './errors'

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2' // RFC 5280 4.2.1.12
const PATH_LENGTH_MAX = 3 // kecamatan CA, kabupaten CA, root

/** A certificate and those above it, the root last. */
export type Path = readonly [Certificate, ...Certificate[]]

/** The certificate's key, or `Rejected(algorithm-unsupported)` if it is not a P-256 key. */
export async function publicKeyOf(certificate: Certificate): Promise<CryptoKey> {
  if (certificate.publicKey) {
    try {
      return await globalThis.crypto.subtle.importKey('spki', certificate.publicKey, ECDSA, true, ['verify'])
    } catch (error) {
      throw new Rejected('certificate-malformed', `The certificate's key cannot be read: ${String(error)}`)
    }
  }
  throw new Rejected('algorithm-unsupported', "The certificate's key must be P-256.")
}

/**
 * SHA-1 of a CA's public key in hexadecimal, if its subject key identifier says so; else
 * `Rejected(certificate-malformed)`.
 *
 * A CA may not choose its own: with another CA's identifier it could take that CA's place, or revoke for it.
 */
export async function keyIdentifierOf(certificate: Certificate): Promise<string> {
  await publicKeyOf(certificate)
  const own = new Uint8Array(await globalThis.crypto.subtle.digest('SHA-1', certificate.publicKeyBits))
  if (certificate.keyIdentifier && equal(certificate.keyIdentifier, own)) return toHex(own)
  throw new Rejected('certificate-malformed', "The CA's subject key identifier is not that of its public key.")
}

/** Whether the key of `certificate` signed this. */
export async function isSignedBy(signed: Signed, certificate: Certificate): Promise<boolean> {
  const key = await publicKeyOf(certificate)
  return !!signed.signature && globalThis.crypto.subtle.verify(ECDSA, key, signed.signature, signed.content)
}

/** `Rejected(chain-broken)` unless the leaf may sign and the CAs above it, checked before, let it. */
export async function checkLeaf(path: Path): Promise<void> {
  const [leaf] = path
  if (leaf.constraints?.ca) throw broken(leaf, 'it is a CA')
  if (!leaf.maySign) throw broken(leaf, 'its key usage does not let it sign')
  if (leaf.purposes && !leaf.purposes.includes(CLIENT_AUTH)) throw broken(leaf, 'it was issued for another purpose')
  await checkIssued(path)
  const begun = Math.max(...path.map((certificate) => certificate.notBefore))
  if (path.some((certificate) => certificate.notAfter < begun))
    throw broken(leaf, 'there is no time when all are valid')
}

/** `Rejected(chain-broken)` unless `path[0]` is a CA, and was issued by the one above it. */
export async function checkAuthority(path: Path): Promise<void> {
  const [certificate] = path
  if (path.length > PATH_LENGTH_MAX) throw broken(certificate, 'there are more CAs than this system has levels')
  await checkIssued(path)
  checkMayCertify(certificate)
}

/** `Rejected(chain-broken)` unless the certificate may certify others and revoke. */
export function checkMayCertify(certificate: Certificate): void {
  if (!certificate.constraints?.ca || !certificate.mayCertify) {
    throw broken(certificate, 'its constraints or key usage do not let it certify and revoke')
  }
}

/** `Rejected(ca-outside-scope)` if a CA of `outer` certified for `inner` outside of it. */
export function checkNesting(outer: string, inner: string): void {
  if (covers(outer, inner)) return
  throw new Rejected('ca-outside-scope', `The CA of ${outer} certified for ${inner || 'the whole country'}.`)
}

/** `Rejected(certificate-not-valid-now)` unless every certificate of the path is valid at `at` (Unix seconds). */
export function checkTime(path: readonly Certificate[], at: number): void {
  const outside = path.find(({ notBefore, notAfter }) => at < notBefore || at > notAfter)
  if (!outside) return
  const [from, to] = [outside.notBefore, outside.notAfter].map((time) => new Date(time * 1000).toISOString())
  throw new Rejected('certificate-not-valid-now', `The certificate of ${outside.name} is valid from ${from} to ${to}.`)
}

export const broken = (certificate: Certificate, why: string) =>
  new Rejected('chain-broken', `The chain of ${certificate.name} does not hold: ${why}.`)

/** `Rejected(chain-broken)` unless `path[1]` issued `path[0]`, and each CA may have as many CAs below it as it has. */
async function checkIssued(path: Path): Promise<void> {
  const [certificate, issuer] = path
  if (certificate.unknownCritical.length > 0) throw broken(certificate, 'it has a critical extension unknown here')
  if (!issuer || !equal(certificate.issuer, issuer.subject)) throw broken(certificate, 'its issuer has another name')
  if (!(await isSignedBy(certificate.signed, issuer))) throw broken(certificate, "its signature is not the issuer's")
  let below = certificate.constraints?.ca ? 1 : 0
  for (const above of path.slice(1)) {
    const most = above.constraints?.pathLength ?? below
    if (most < below++) throw broken(certificate, `${above.name} may have no further CA so far below it`)
  }
}

/** DER of certificates without the root, leaf first. */
export const chainOf = (path: Path): Bytes[] => path.slice(0, -1).map((certificate) => certificate.der)
