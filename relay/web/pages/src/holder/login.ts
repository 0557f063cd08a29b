// Logging in at a relay without a password: the operator's key signs what the relay asks, for this origin only.
import { fromBase64url } from '../protocol/bytes'
import { withChain } from '../protocol/cose'
import { login as loginPayload } from '../protocol/login'
import type { Holding } from './holder'
import { ask, askJson } from './http'

/** Who looks, as the relay says it: the relay's own screen, or an operator who logged in. */
export type Session = { role: 'screen' } | { role: string; name: string; scope: string; expires_at: number }

/** Signs a fresh challenge; the relay answers with the session, which a cookie keeps. Throws `Problem`. */
export async function login(holding: Holding): Promise<Session> {
  const { challenge } = await askJson<{ challenge: string }>('/v1/session/challenge', { method: 'POST' })
  const payload = loginPayload({
    signedAt: Math.floor(Date.now() / 1000),
    challenge: fromBase64url(challenge),
    origin: location.origin
  })
  const body = withChain(await holding.sign(payload), holding.certified.chain)
  return askJson('/v1/session', { method: 'POST', type: 'application/cose', body })
}

/** Ends the session. */
export async function logout(): Promise<void> {
  await ask('/v1/session', { method: 'DELETE' })
}
