// The signed bytes of a statement and what was signed for it, to take away and to check with any COSE library.
import type { ComponentChildren } from 'preact'
import { say } from '../../words/words'

/** The name by which people speak of a statement: the first digits of its id. */
export const shortId = (id: string): string => id.slice(0, 8)

interface Props {
  id: string
  /** base64url; the centre gives it with the statement. */
  receipt?: string | null
  /** What else can be done with them. */
  children?: ComponentChildren
}

export const Proof = ({ id, receipt, children }: Props) => (
  <p class="downloads no-print">
    <a class="button" href={`/v1/statements/${id}/cose`} download={`${shortId(id)}.cose`}>
      {say('station.proof')}
    </a>
    {receipt && (
      <a class="button" href={`data:application/cose;base64,${plain64(receipt)}`} download={`${shortId(id)}.receipt`}>
        {say('station.receipt')}
      </a>
    )}
    {children}
  </p>
)

/** RFC 4648 5 to 4, as data: addresses want it. */
const plain64 = (base64url: string): string => base64url.replaceAll('-', '+').replaceAll('_', '/')
