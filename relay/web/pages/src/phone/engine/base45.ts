// Base45 (RFC 9285): bytes in the 45 characters that a QR code packs most tightly.

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:'

/** Two bytes are three characters, the least significant first; a last single byte is two. */
export function toBase45(data: Uint8Array): string {
  let text = ''
  for (let at = 0; at < data.length; at += 2) {
    const isPair = at + 1 < data.length
    let value = isPair ? (data[at] ?? 0) * 256 + (data[at + 1] ?? 0) : (data[at] ?? 0)
    for (let count = isPair ? 3 : 2; count > 0; count--) {
      text += ALPHABET[value % 45]
      value = Math.floor(value / 45)
    }
  }
  return text
}
