// Asking for a certificate: the conversation with the node, and what of its answers is believed.
import { type Bytes, equal, fromBase64url, toHex } from '../protocol/bytes'
import { answerHolds } from '../protocol/enrolment'
import { type Identity, pin } from '../protocol/trust'
import type { Asking, Certified, PageName } from './database'
import { askJson } from './http'
import { Problem } from './problem'

/** What a node says of a request; nothing of it is believed before `certificateOf`. Byte strings in base64url. */
export interface Answer {
  id: string
  state: 'issued' | 'waiting' | 'refused'
  certificates: string[] | null
  root: string | null
  proof: string | null
  code: string | null
  detail: string | null
}

const ROLES = { phone: 'kpps', ppk: 'ppk' } as const

/** Hands the request over; handing it over again changes nothing. */
export const post = (request: Bytes): Promise<Answer> =>
  askJson('/v1/enrolments', { method: 'POST', type: 'application/pkcs10', body: request })

/** What became of a request; a node that does not know it gets it again. */
export async function askAgain({ id, request }: Asking): Promise<Answer> {
  try {
    return await askJson(`/v1/enrolments/${id}`)
  } catch (error) {
    if (error instanceof Problem && error.code === 'not-found') return post(request)
    throw error
  }
}

/**
 * The certificate that an answer brings.
 *
 * Only who knows the code can have answered: that is checked before the root is believed, and the certificate under it.
 * Throws `Problem(relay-false)` for an answer that nobody who knows the code gave, the refusal's code if it is one, and
 * what `identify` throws.
 */
export async function certificateOf(answer: Answer, asking: Asking, page: PageName): Promise<Certified> {
  if (answer.state !== 'issued') throw new Problem(answer.code ?? 'code-unknown', answer.detail ?? '')
  const { chain, root, proof } = bytesOf(answer)
  const [leaf] = chain
  if (!leaf || !(await answerHolds(asking.code, leaf, root, proof))) throw falseRelay()
  const known = await pin(root)
  const identity = await known.identify(chain, null)
  await checkOurs(identity, asking.keys.publicKey, ROLES[page])
  return {
    name: identity.name,
    role: ROLES[page],
    scope: identity.scope,
    notAfter: identity.notAfter,
    x5t: toHex(identity.x5t),
    keys: asking.keys,
    chain: [...identity.chain],
    root
  }
}

function bytesOf({ certificates, root, proof }: Answer): { chain: Bytes[]; root: Bytes; proof: Bytes } {
  try {
    return {
      chain: (certificates ?? []).map(fromBase64url),
      root: fromBase64url(root ?? ''),
      proof: fromBase64url(proof ?? '')
    }
  } catch {
    throw falseRelay()
  }
}

async function checkOurs(identity: Identity, ours: CryptoKey, role: string): Promise<void> {
  if (!equal(await pointOf(identity.publicKey), await pointOf(ours))) {
    throw new Problem('certificate-malformed', 'The certificate is for another key.')
  }
  if (identity.role !== role) {
    throw new Problem('role-not-allowed', `This code is for the role ${identity.role}; this page needs ${role}.`)
  }
}

const pointOf = async (key: CryptoKey) => new Uint8Array(await crypto.subtle.exportKey('raw', key))

const falseRelay = () =>
  new Problem('relay-false', 'Whoever answers does not know the code: this is not the relay of your kecamatan.')
