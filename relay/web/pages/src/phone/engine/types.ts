// What the screens see of the engine, and all that they may ask of it.
import type { ReadonlySignal } from '@preact/signals'
import type { Page } from '../../holder/database'
import type { Enrolment } from '../../holder/holder'
import type { Trouble } from '../../holder/problem'
import type { Figures } from '../../protocol/rules'

export type { Page } from '../../holder/database'
export type { Enrolment, Holder } from '../../holder/holder'

/** Where an item is. Nothing is shown on hope: `at-relay` has a slip that verifies, `at-centre` a receipt that does. */
export type Step = 'on-phone' | 'at-relay' | 'on-its-way' | 'at-centre'

/** What is being filled in for one form of one station; kept on the phone at every key press. */
export interface Draft {
  tps: string
  form: number
  figures: Figures
  /** Rules that the paper itself breaks, kept on purpose. */
  kept: string[]
  pages: Page[]
  /** The revision that the tally will be signed as: 1, or more for a correction. */
  revision: number
  /** The same for the list of photographs, which counts for itself. */
  documentsRevision: number
  changedAt: number
}

export interface Slip {
  relay: string
  number: number
  heldAt: number
  clockSure: boolean
}

export interface Receipt {
  issuedAt: number
  verdict: 'recorded' | 'conflict' | 'refused'
  notes: string[]
}

export interface SentPage extends Page {
  sentBytes: number
  slip: Slip | null
}

/** Something that was signed. */
export interface Item {
  /** Statement id, hex. */
  id: string
  kind: 'tally' | 'documents'
  tps: string
  form: number
  revision: number
  signedAt: number
  step: Step
  figures: Figures | null
  pages: SentPage[]
  slip: Slip | null
  receipt: Receipt | null
  /** What stands in the way now. */
  trouble: Trouble | null
}

export interface RelayView {
  reachable: boolean
  name: string
  scope: string
  /** Codes of the forms that are expected here; empty if not known. Kept, so that it is known offline too. */
  forms: number[]
  /** How far the phone's clock is ahead of the relay's, seconds; null if the relay's is not sure. */
  clockOff: number | null
  /** What is being sent now: an item's id, or null. */
  sending: string | null
  lastContact: number | null
  /** Why nothing can be handed over now: `relay-false`, or what the relay said. */
  trouble: Trouble | null
}

export interface StorageView {
  /** Whether the browser promised to keep it. */
  persistent: boolean
  usedBytes: number
  quotaBytes: number
  /** Set once something did not fit. */
  full: boolean
}

export interface Engine {
  readonly enrolment: ReadonlySignal<Enrolment>
  readonly drafts: ReadonlySignal<Draft[]>
  /** Newest first. */
  readonly items: ReadonlySignal<Item[]>
  readonly relay: ReadonlySignal<RelayView>
  readonly storage: ReadonlySignal<StorageView>
  /** Makes the key if there is none, and asks with the one-time code. Rejects with a `Problem`. */
  enrol(code: string, name: string): Promise<void>
  /** The draft of a form, made if there is none; of a correction, if something was signed before. */
  draft(tps: string, form: number): Promise<Draft>
  /** Keeps `figures` and `kept` of it; the signal changes at once. Pages have functions of their own. */
  save(draft: Draft): Promise<void>
  discard(tps: string, form: number): Promise<void>
  addPage(tps: string, form: number, number: number, file: File): Promise<Page>
  removePage(tps: string, form: number, number: number): Promise<void>
  swapPages(tps: string, form: number, one: number, other: number): Promise<void>
  /** The original bytes of a photograph, to be shown. */
  photograph(document: string): Promise<Blob | null>
  /** Signs what the draft holds (figures, pages, or both), puts it into the outbox, and begins to send. */
  sign(tps: string, form: number, what: { tally: boolean; documents: boolean }): Promise<Item[]>
  /** Drops the bytes of an item's photographs, which only its receipt allows; `Problem(not-recorded-yet)` before. */
  forget(id: string): Promise<void>
  /** Tries now instead of at the next attempt. */
  sendNow(): void
  /** Statement, slip, receipt and certificates as one file that `relay verify` reads. */
  proofFile(id: string): Promise<File>
  /** The same for a QR code, without photographs. */
  proofText(id: string): Promise<string>
}
