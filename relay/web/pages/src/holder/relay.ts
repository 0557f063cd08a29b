// What a relay says, over HTTP; nothing of it is believed before `proofs` has judged it.

import { type Bytes, fromBase64url } from '../protocol/bytes'
import { ask, askBytes, askJson } from './http'
import type { Session } from './login'
import { Unreachable } from './problem'

/** A node as it presents itself. */
export interface NodeView {
  kind: 'relay' | 'centre'
  id: string
  scope: string
  name: string
  /** SHA-256 of its root, hex. */
  root: string
  /** Unix seconds. */
  now: number
  clock_sure: boolean
  forms: number[]
  enrolment: 'at-once' | 'waits' | 'none'
  session: Session | null
}

/** One statement as a relay has it; slips and receipt are in base64url and not verified. */
export interface StatementView {
  id: string
  kind: string
  tps: string
  form: number
  revision: number
  state: string
  slip: string | null
  receipt: string | null
  under_way?: boolean
  also_at: unknown[]
  documents: { document: string; slip: string | null }[]
}

/** Who answers here, relay or centre. */
export const node = (): Promise<NodeView> => askJson('/v1/node')

/** Certificates, the relay's own first, and CRLs, DER. */
export async function trust(): Promise<{ certificates: Bytes[]; crls: Bytes[] }> {
  const said = await askJson<{ certificates: string[]; crls: string[] }>('/v1/trust')
  return { certificates: bytesOf(said.certificates), crls: bytesOf(said.crls) }
}

/** What the relay has of one statement (id, hex). */
export const statement = (id: string): Promise<StatementView> => askJson(`/v1/statements/${id}`)

/** Everything that the relay has of one station, by statement id. */
export async function station(tps: string): Promise<Map<string, StatementView>> {
  const { statements } = await askJson<{ statements: StatementView[] }>(`/v1/tps/${tps}`)
  return new Map((statements ?? []).map((view) => [view.id, view]))
}

/** Hands a statement over (with x5chain); the slip. Handing over again gives the same one. */
export const handOver = (statement: Bytes): Promise<Bytes> =>
  askBytes('/v1/statements', { method: 'POST', type: 'application/cose', body: statement })

/** Asks a relay that has every byte of a photograph and gave no slip for it (it crashed just then) to finish. */
export async function finish(document: string, sizeBytes: number): Promise<void> {
  await ask(`/v1/documents/${document}`, {
    method: 'PATCH',
    type: 'application/offset+octet-stream',
    headers: { 'Tus-Resumable': '1.0.0', 'Upload-Offset': String(sizeBytes) }
  })
}

/** What it gives in base64url, as bytes. */
export function bytesOf(texts: readonly string[]): Bytes[] {
  try {
    return texts.map(fromBase64url)
  } catch {
    throw new Unreachable('What answers is not a relay.')
  }
}
