// A statement as the centre has recorded it, and the revisions of one form in order. Pure.

export interface Recorded {
  /** Statement id, hex. */
  id: string
  state: string
  kind: 'tally' | 'documents' | 'note'
  form: number
  revision: number
  /** Unix seconds. */
  signed_at: number
  received_at: number
  /** The relay that handed it over. */
  sender: string
  /** By the id of each figure; null for another kind, or a form that is not known there. */
  figures: Record<string, number | null> | null
  /** COSE_Sign1 in base64url. */
  receipt: string | null
  documents: { page: number; document: string; size_bytes: number; held: boolean }[]
  favours: string | null
  text: string
}

/** What is not refused, the newest revision first; those of one revision together. */
export function byRevision(statements: readonly Recorded[]): Recorded[][] {
  const found = new Map<number, Recorded[]>()
  for (const item of statements.filter(({ state }) => state !== 'refused')) {
    found.set(item.revision, [...(found.get(item.revision) ?? []), item])
  }
  return [...found].sort(([one], [other]) => other - one).map(([, items]) => items)
}
