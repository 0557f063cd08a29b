// Enrolling: the one-time code of the kabupaten's list, the request that only its reader can make, and the answer
// that only somebody who knows it can give.

import { type Bytes, join, sha256, toBase64url, toHex, utf8 } from './bytes'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ' // Crockford's base32: no I, L, O, U
const CODE_LENGTH = 12
const QR_PREFIX = /^kpu-enrol:/i
const HMAC = { name: 'HMAC', hash: 'SHA-256' }
const ES256 = { name: 'ECDSA', hash: 'SHA-256' }

/** The code in what somebody typed or scanned, 12 upper-case characters; null if it is none. */
export function readCode(typed: string): string | null {
  const plain = typed
    .trim()
    .replace(QR_PREFIX, '')
    .toUpperCase()
    .replace(/[\s\p{Dash}]/gu, '')
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1')
  return plain.length === CODE_LENGTH && [...plain].every((letter) => ALPHABET.includes(letter)) ? plain : null
}

/** A code as it is shown: `K7Q2-M4XD-9FTA`. */
export const showCode = (code: string): string => code.replace(/(.{4})(?=.)/g, '$1-')

/**
 * A certificate request (PKCS#10, DER) for the holder of `keys` (ECDSA P-256), called `name`.
 *
 * `id` is the SHA-256 of the public key (SubjectPublicKeyInfo) in hexadecimal, by which it is asked about later.
 */
export async function request(keys: CryptoKeyPair, name: string, code: string): Promise<{ id: string; der: Bytes }> {
  const { requestContent, signedRequest } = await import('./certificates')
  const { subtle } = globalThis.crypto
  const publicKey = new Uint8Array(await subtle.exportKey('spki', keys.publicKey))
  const named = await sha256(publicKey)
  const content = requestContent(name, publicKey, toBase64url(await mac(code, 'kpu-enrol-request', named)))
  const signature = new Uint8Array(await subtle.sign(ES256, keys.privateKey, content))
  return { id: toHex(named), der: signedRequest(content, signature) }
}

/** Whether `proof` shows that whoever answered with this certificate and root (DER) knows the code. */
export async function answerHolds(code: string, leaf: Bytes, root: Bytes, proof: Bytes): Promise<boolean> {
  const said = join(utf8('kpu-enrol-answer'), await sha256(leaf), await sha256(root))
  return globalThis.crypto.subtle.verify(HMAC, await macKey(code, 'verify'), proof, said) // in constant time
}

async function mac(code: string, label: string, about: Bytes): Promise<Bytes> {
  const key = await macKey(code, 'sign')
  return new Uint8Array(await globalThis.crypto.subtle.sign(HMAC, key, join(utf8(label), about)))
}

const macKey = (code: string, use: 'sign' | 'verify'): Promise<CryptoKey> =>
  globalThis.crypto.subtle.importKey('raw', utf8(code), HMAC, false, [use])
