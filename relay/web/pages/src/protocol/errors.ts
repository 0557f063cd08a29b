// Why something is refused: the stable codes of relay/errors.py that a page can find by itself, and a sentence.

export type Code =
  | 'malformed-cbor'
  | 'cbor-not-deterministic'
  | 'cose-malformed'
  | 'algorithm-unsupported'
  | 'statement-malformed'
  | 'statement-too-large'
  | 'kind-unexpected'
  | 'tps-malformed'
  | 'form-unknown'
  | 'figures-malformed'
  | 'signer-unknown'
  | 'signature-invalid'
  | 'certificate-malformed'
  | 'chain-broken'
  | 'certificate-not-valid-now'
  | 'ca-outside-scope'
  | 'role-unknown'
  | 'role-not-allowed'
  | 'station-not-signers'
  | 'signer-revoked'
  | 'crl-malformed'

/** Whoever made this must change something. `sentence` is English, for a log; words for people are found by `code`. */
export class Rejected extends Error {
  constructor(
    readonly code: Code,
    readonly sentence: string
  ) {
    super(sentence)
  }
}
