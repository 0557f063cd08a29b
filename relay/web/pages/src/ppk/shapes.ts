// The JSON that relay and centre answer, as far as this page reads it; described in their openapi.json.

export type State = 'at-relay' | 'at-centre' | 'in-conflict' | 'refused'

export interface Tally {
  id: string
  form: number
  revision: number
  state: State
  /** Codes of the centre's receipt, such as why it was refused. */
  reasons: string[]
  flags: string[]
  signed_at: number
  held_at: number
  number: number
  origin: string | null
  under_way: boolean
  figures: (number | null)[]
}

export interface ListedPage {
  page: number
  document: string
  size_bytes: number
  state: 'awaited' | 'arriving' | 'at-relay' | 'dropped'
}

export interface Documents {
  id: string
  form: number
  revision: number
  state: State
  /** Codes of the centre's receipt, such as why it was refused. */
  reasons: string[]
  held_at: number
  pages: ListedPage[]
}

export interface Note {
  id: string
  form: number
  revision: number
  about: string[]
  favours: string | null
  text: string
  state: State
  reasons: string[]
  signed_at: number
}

export interface Station {
  tps: string
  listed: boolean
  last_contact: number | null
  tallies: Tally[]
  documents: Documents[]
  notes: Note[]
  conflicts: number[]
  missing: { form: number; tally: boolean; pages: number | null }[]
}

export interface Village {
  scope: string
  name: string
}

export interface Board {
  scope: string
  name: string
  forms: number[]
  /** Whether the relay has a list of its stations; without one nobody is known to be missing. */
  listed: boolean
  villages: Village[]
  stations: Station[]
  /** Number of the newest change in it: events are asked for from there on. */
  at: number
}

export interface Uplink {
  name: string
  kind: string
  state: 'down' | 'connecting' | 'up' | 'silent' | 'resting' | 'standby' | 'closed'
  reason: string
  now: string
  rate_bytes_per_second: number
  budget_bytes_left: number | null
  last_success: number
  retry_in_seconds: number
  bytes_sent: number
}

export interface Drive {
  name: string
  state: string
  stick: string
  reason: string
  files_done: number
  files_total: number
  bytes_done: number
  bytes_total: number
  bytes_per_second: number
  seconds_left: number
  left_out: number
  receipts_filed: number
  last_success: number
}

export interface Waiting {
  count: number
  bytes: number
  bytes_left: number
  eta_seconds: number | null
}

export interface Status {
  relay: { id: string; scope: string }
  clock: { now: number; sure: boolean }
  counts: Record<string, number>
  oldest_without_receipt_seconds: number | null
  free_for_documents_bytes: number
  waiting: Record<string, Waiting>
  uplinks: Uplink[]
  drives: Drive[]
  neighbours: { accepts: boolean; statements: number; without_receipt: number; served_now: { relay: string }[] }
}

export interface Totals {
  form: number
  scope: string
  tps: number
  with_tally: number
  flagged: number
  in_conflict: number
  resolved_by_note: number
  figures: number[]
  blank: number[]
}

/** One region at the centre, or the whole of what was asked for. */
export interface Progress {
  scope: string
  name: string
  tps: number
  with_tally: number
  in_conflict: number
  flagged: number
  with_photographs: number
}
