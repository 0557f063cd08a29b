// One page of a documents statement as a screen shows it, and where its picture comes from.

export interface Shown {
  page: number
  /** SHA-256, hex. */
  document: string
  /** Whether its bytes are here and can be looked at. */
  here: boolean
  state: string
}

export const sourceOf = (page: Shown): string => `/v1/documents/${page.document}`
