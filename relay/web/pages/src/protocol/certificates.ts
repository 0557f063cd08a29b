// The door to the ASN.1 libraries: what of a certificate, a revocation list or a request is read and written here.
//
// They are larger than all the rest of this folder, and not needed for the first screen: import this file only by
// `await import('./certificates')`. It knows nothing of who may certify whom; that is `trust`'s matter.

import { CertificationRequest, CertificationRequestInfo } from '@peculiar/asn1-csr'
import { ECDSASigValue } from '@peculiar/asn1-ecc'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  Attribute,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  CertificateList,
  Certificate as CertificateStructure,
  CRLNumber,
  ExtendedKeyUsage,
  type Extensions,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_cRLNumber,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo
} from '@peculiar/asn1-x509'
import { type Bytes, equal, fromHex, join, toHex, utf8 } from './bytes'
import { Rejected } from './errors'

const COMMON_NAME = '2.5.4.3'
const CHALLENGE_PASSWORD = '1.2.840.113549.1.9.7' // RFC 2985 5.4.1
const EC_PUBLIC_KEY = '1.2.840.10045.2.1' // RFC 5480 2.1.1
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2' // RFC 5758 3.2
const P256 = '06082a8648ce3d030107' // prime256v1 as an object identifier
const UTF8_STRING = 0x0c
const UNDERSTOOD = new Set<string>([
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier
])

/** A certificate as it was read; nothing of it has been checked. Times are Unix seconds. */
export interface Certificate {
  readonly der: Bytes
  readonly name: string
  readonly serial: string
  /** DER of the names, to be compared. */
  readonly subject: Bytes
  readonly issuer: Bytes
  readonly notBefore: number
  readonly notAfter: number
  /** DER of the SubjectPublicKeyInfo; null unless it is a P-256 key. */
  readonly publicKey: Bytes | null
  /** The bits of the public key, of which SHA-1 is its key identifier (RFC 5280 4.2.1.2, method 1). */
  readonly publicKeyBits: Bytes
  readonly keyIdentifier: Bytes | null
  readonly issuerKeyIdentifier: Bytes | null
  readonly uris: readonly string[]
  readonly constraints: { readonly ca: boolean; readonly pathLength: number | null } | null
  readonly mayCertify: boolean
  readonly maySign: boolean
  /** Object identifiers of the extended key usage; null if it has none. */
  readonly purposes: readonly string[] | null
  /** Critical extensions that nobody here understands. */
  readonly unknownCritical: readonly string[]
  readonly signed: Signed
}

/** What somebody signed (ECDSA with SHA-256); `signature` is r and s, null if it was made in another way. */
export interface Signed {
  readonly content: Bytes
  readonly signature: Bytes | null
}

/** A certificate revocation list; serials in hexadecimal, as those of certificates. */
export interface RevocationList {
  readonly der: Bytes
  readonly issuerKeyIdentifier: Bytes
  readonly number: number
  readonly serials: readonly string[]
  readonly signed: Signed
}

/** The certificate in `der`, or `Rejected(certificate-malformed)`. */
export function readCertificate(der: Bytes): Certificate {
  try {
    return certificateOf(der)
  } catch (error) {
    throw new Rejected('certificate-malformed', `The bytes are not an X.509 certificate in DER: ${String(error)}`)
  }
}

/** The revocation list in `der`, or `Rejected(crl-malformed)`. */
export function readRevocationList(der: Bytes): RevocationList {
  try {
    return revocationListOf(der)
  } catch (error) {
    throw new Rejected('crl-malformed', `The bytes are not a revocation list with number and key: ${String(error)}`)
  }
}

/** What a PKCS#10 request (RFC 2986) says before it is signed: a common name, a key, a challengePassword. */
export function requestContent(name: string, publicKey: Bytes, challengePassword: string): Bytes {
  const commonName = new AttributeTypeAndValue({
    type: COMMON_NAME,
    value: new AttributeValue({ utf8String: name })
  })
  const password = utf8(challengePassword) // below 128 bytes, so its length is one byte
  const attribute = new Attribute({
    type: CHALLENGE_PASSWORD,
    values: [join(Uint8Array.of(UTF8_STRING, password.length), password).buffer]
  })
  const info = new CertificationRequestInfo({
    subject: new Name([new RelativeDistinguishedName([commonName])]),
    subjectPKInfo: AsnConvert.parse(publicKey, SubjectPublicKeyInfo)
  })
  info.attributes.push(attribute)
  return bytes(AsnConvert.serialize(info))
}

/** The whole request, in DER, from what it says and its signature (r and s, 32 bytes each). */
export function signedRequest(content: Bytes, signature: Bytes): Bytes {
  const request = new CertificationRequest({
    certificationRequestInfo: AsnConvert.parse(content, CertificationRequestInfo),
    signatureAlgorithm: new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 }),
    signature: AsnConvert.serialize(
      new ECDSASigValue({ r: positive(signature.slice(0, 32)).buffer, s: positive(signature.slice(32)).buffer })
    )
  })
  return bytes(AsnConvert.serialize(request))
}

function certificateOf(der: Bytes): Certificate {
  const structure = AsnConvert.parse(der, CertificateStructure)
  if (!equal(bytes(AsnConvert.serialize(structure)), der)) throw new Error('it is not DER, or bytes follow it')
  const { tbsCertificate: tbs, tbsCertificateRaw: content } = structure
  const read = extensionsOf(tbs.extensions)
  const constraints = read(id_ce_basicConstraints, BasicConstraints)
  const usage = read(id_ce_keyUsage, KeyUsage)?.toNumber() ?? 0
  const key = tbs.subjectPublicKeyInfo
  const certifies = KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign
  return {
    der,
    name: commonNameOf(tbs.subject),
    serial: serialOf(tbs.serialNumber),
    subject: bytes(AsnConvert.serialize(tbs.subject)),
    issuer: bytes(AsnConvert.serialize(tbs.issuer)),
    notBefore: tbs.validity.notBefore.getTime().getTime() / 1000,
    notAfter: tbs.validity.notAfter.getTime().getTime() / 1000,
    publicKey: isP256(key.algorithm) ? bytes(AsnConvert.serialize(key)) : null,
    publicKeyBits: bytes(key.subjectPublicKey),
    keyIdentifier: bytesOrNull(read(id_ce_subjectKeyIdentifier, SubjectKeyIdentifier)?.buffer),
    issuerKeyIdentifier: bytesOrNull(read(id_ce_authorityKeyIdentifier, AuthorityKeyIdentifier)?.keyIdentifier?.buffer),
    uris: [...(read(id_ce_subjectAltName, SubjectAlternativeName) ?? [])].flatMap(
      (name) => name.uniformResourceIdentifier ?? []
    ),
    constraints: constraints ? { ca: constraints.cA, pathLength: constraints.pathLenConstraint ?? null } : null,
    mayCertify: (usage & certifies) === certifies,
    maySign: (usage & KeyUsageFlags.digitalSignature) !== 0,
    purposes: purposesOf(read(id_ce_extKeyUsage, ExtendedKeyUsage)),
    unknownCritical: [...(tbs.extensions ?? [])]
      .filter((extension) => extension.critical && !UNDERSTOOD.has(extension.extnID))
      .map((extension) => extension.extnID),
    signed: signedOf(content, structure.signatureAlgorithm, structure.signatureValue, tbs.signature)
  }
}

function revocationListOf(der: Bytes): RevocationList {
  const structure = AsnConvert.parse(der, CertificateList)
  const { tbsCertList: tbs, tbsCertListRaw: content } = structure
  const read = extensionsOf(tbs.crlExtensions)
  const issuer = read(id_ce_authorityKeyIdentifier, AuthorityKeyIdentifier)?.keyIdentifier?.buffer
  const number = read(id_ce_cRLNumber, CRLNumber)?.value
  if (!issuer || number === undefined) throw new Error('it names no key or has no number')
  return {
    der,
    issuerKeyIdentifier: bytes(issuer),
    number,
    serials: (tbs.revokedCertificates ?? []).map((entry) => serialOf(entry.userCertificate)),
    signed: signedOf(content, structure.signatureAlgorithm, structure.signature, tbs.signature)
  }
}

type Reader = <T>(oid: string, type: new () => T) => T | null

/** Reads the one extension of a kind; an Error if there are two. */
function extensionsOf(extensions: Extensions | undefined): Reader {
  const list = [...(extensions ?? [])]
  if (new Set(list.map((extension) => extension.extnID)).size !== list.length) throw new Error('an extension twice')
  return (oid, type) => {
    const found = list.find((extension) => extension.extnID === oid)
    return found ? AsnConvert.parse(found.extnValue.buffer, type) : null
  }
}

function signedOf(
  content: ArrayBuffer | undefined,
  algorithm: AlgorithmIdentifier,
  signature: ArrayBuffer,
  algorithmInside: AlgorithmIdentifier
): Signed {
  if (!content || algorithm.algorithm !== algorithmInside.algorithm) throw new Error('it names two algorithms')
  const ours = algorithm.algorithm === ECDSA_WITH_SHA256
  return { content: bytes(content), signature: ours ? joinedSignature(signature) : null }
}

/** r and s, 32 bytes each, as WebCrypto takes them, out of a signature in DER; null if they are not of P-256. */
function joinedSignature(der: ArrayBuffer): Bytes | null {
  const { r, s } = AsnConvert.parse(der, ECDSASigValue)
  const numbers = [r, s].map((number) => toHex(new Uint8Array(number)).replace(/^(00)+/, ''))
  return numbers.every((digits) => digits.length <= 64)
    ? fromHex(numbers.map((digits) => digits.padStart(64, '0')).join(''))
    : null
}

/** A number as an ASN.1 INTEGER's content: without leading zeros, but one where it would be negative. */
function positive(number: Bytes): Bytes {
  const first = number.findIndex((byte) => byte !== 0)
  const short = first < 0 ? new Uint8Array(1) : number.slice(first)
  return (short[0] ?? 0) > 127 ? join(Uint8Array.of(0), short) : short
}

function isP256({ algorithm, parameters }: AlgorithmIdentifier): boolean {
  return algorithm === EC_PUBLIC_KEY && !!parameters && toHex(new Uint8Array(parameters)) === P256
}

function commonNameOf(subject: Name): string {
  const names = [...subject].flatMap((part) => [...part]).filter((part) => part.type === COMMON_NAME)
  return names[0]?.value.toString() ?? 'an unnamed certificate'
}

function purposesOf(usage: ExtendedKeyUsage | null): string[] | null {
  return usage ? [...usage] : null
}

const serialOf = (serial: ArrayBuffer): string => toHex(new Uint8Array(serial)).replace(/^(00)+/, '')

const bytes = (buffer: ArrayBuffer): Bytes => new Uint8Array(buffer.slice(0))

const bytesOrNull = (buffer: ArrayBuffer | undefined): Bytes | null => (buffer ? bytes(buffer) : null)
