// The door to IndexedDB (by `idb`): everything that the pages keep on this device lies in one database, store by store.
import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import type { Bytes } from '../protocol/bytes'
import type { Figures } from '../protocol/rules'
import { Problem, type Trouble } from './problem'

const NAME = 'relay'
const VERSION = 1

/** Which page a key belongs to: one device may serve an officer and an operator. */
export type PageName = 'phone' | 'ppk'

/** What was asked of an authority and is not answered for good yet. `code` goes once there is a certificate. */
export interface Asking {
  name: string
  code: string
  keys: CryptoKeyPair
  id: string
  request: Bytes
  since: number
  /** Whether some relay has the request. */
  posted: boolean
  refused: Trouble | null
}

/** A certified key, and the root that is pinned since. */
export interface Certified {
  name: string
  role: 'kpps' | 'ppk'
  scope: string
  /** Unix seconds. */
  notAfter: number
  /** Names the certificate, hex. */
  x5t: string
  keys: CryptoKeyPair
  /** DER, leaf first, without the root. */
  chain: Bytes[]
  root: Bytes
}

export interface HolderRecord {
  asking: Asking | null
  certified: Certified | null
}

export type PhotographWarning =
  | 'blurred'
  | 'small'
  | 'not-a-picture'
  | 'cannot-be-shown'
  | 'same-as-another-page'
  | 'dark'

/** One photographed page of the paper. */
export interface Page {
  number: number
  /** SHA-256 of the file as it was taken, hex. */
  document: string
  fileName: string
  type: string
  sizeBytes: number
  warnings: PhotographWarning[]
}

export interface SentPageRecord extends Page {
  sentBytes: number
}

/** What is being filled in; pages ascend. */
export interface DraftRecord {
  tps: string
  form: number
  figures: Figures
  kept: string[]
  pages: Page[]
  changedAt: number
}

/** A slip that holds under the pinned root; `bytes` with the relay's chain. */
export interface SlipRecord {
  /** x5t of the relay, hex. */
  signer: string
  relay: string
  /** Statement id or SHA-256 of a photograph, hex. */
  subject: string
  number: number
  heldAt: number
  clockSure: boolean
  bytes: Bytes
}

/** A receipt that holds under the pinned root; `bytes` with the centre's chain. */
export interface ReceiptRecord {
  issuedAt: number
  verdict: 'recorded' | 'conflict' | 'refused'
  notes: string[]
  bytes: Bytes
}

/** Something signed: never changed but by what comes back for it. */
export interface ItemRecord {
  id: string
  kind: 'tally' | 'documents'
  tps: string
  form: number
  revision: number
  signedAt: number
  figures: Figures | null
  /** Exactly as signed, and the chain of whoever signed it. */
  bare: Bytes
  chain: Bytes[]
  pages: SentPageRecord[]
  slips: SlipRecord[]
  receipt: ReceiptRecord | null
  /** Whether the relay says that it has left, or that another relay has it too. */
  underWay: boolean
  trouble: Trouble | null
}

/** What was learned of CAs, relays and the centre, all of it checked under the pinned root; DER. */
export interface TrustRecord {
  certificates: Bytes[]
  crls: Bytes[]
}

/** What the relay last said, for when it is out of reach. */
export interface RelayRecord {
  name: string
  scope: string
  forms: number[]
  lastContact: number
}

interface Schema extends DBSchema {
  holders: { key: PageName; value: HolderRecord }
  /** Key: `tps/form`. */
  drafts: { key: string; value: DraftRecord }
  /** Key: SHA-256 in hex. The bytes as they were taken. */
  photographs: { key: string; value: Blob }
  items: { key: string; value: ItemRecord }
  trust: { key: 'trust'; value: TrustRecord }
  relay: { key: 'relay'; value: RelayRecord }
  /** Key: `tps/form/kind`. The newest revision that a relay has told of. */
  revisions: { key: string; value: number }
}

export type Database = IDBPDatabase<Schema>
const STORES = ['holders', 'drafts', 'photographs', 'items', 'trust', 'relay', 'revisions'] as const

/** On the disk before it is reported: from here on a dead battery changes nothing. */
export const STRICT: IDBTransactionOptions = { durability: 'strict' }

/** The database, made if there is none. `Problem(storage-unavailable)` where the browser keeps nothing. */
export async function openDatabase(): Promise<Database> {
  try {
    return await openDB<Schema>(NAME, VERSION, {
      upgrade: (database) => {
        for (const store of STORES) database.createObjectStore(store)
      },
      blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close() // a newer page waits for us
    })
  } catch (error) {
    throw new Problem('storage-unavailable', (error as Error).message)
  }
}
