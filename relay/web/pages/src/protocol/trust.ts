// Who may say what: X.509 chain, role, scope, revocation, in the numbered steps of PROTOCOL.md. Time is an argument.

import { type Bytes, equal, sha256, toHex } from './bytes'
import type { Certificate, RevocationList } from './certificates'
import { covers, NATIONAL } from './codes'
import { Rejected } from './errors'
import * as paths from './paths'
import { type Role, roleAndScope } from './roles'

const CHAIN_LENGTH_MAX = 3 // leaf, kecamatan CA, kabupaten CA; the root is pinned, not sent

/** A certificate whose chain has been checked up to the pinned root. */
export interface Identity {
  readonly role: Role
  readonly scope: string
  readonly name: string
  /** SHA-256/64 of the certificate: 8 bytes. */
  readonly x5t: Bytes
  readonly serial: string
  readonly publicKey: CryptoKey
  /** When all of the chain, and the root, are valid: Unix seconds. */
  readonly notBefore: number
  readonly notAfter: number
  /** DER, leaf first, without the root. */
  readonly chain: readonly Bytes[]
}

/** A CA that is known to chain to the root, or the root itself. */
interface Authority {
  readonly path: paths.Path
  readonly scope: string
}

interface Known {
  readonly root: Certificate
  readonly rootKey: string
  /** By key identifier, then by scope: another CA may certify this CA's key for a region of its own. */
  readonly authorities: ReadonlyMap<string, ReadonlyMap<string, Authority>>
  /** The CA's key identifier -> serials that it ever revoked. */
  readonly revoked: ReadonlyMap<string, ReadonlySet<string>>
  readonly lists: ReadonlyMap<string, RevocationList>
}

const door = () => import('./certificates')

/** Trust in one root and nothing else yet; `Rejected(chain-broken)` if it did not sign itself. */
export async function pin(rootDer: Bytes): Promise<Trust> {
  const root = (await door()).readCertificate(rootDer)
  if (!(await paths.isSignedBy(root.signed, root))) throw paths.broken(root, 'it is not signed by itself')
  const rootKey = await paths.keyIdentifierOf(root)
  paths.checkMayCertify(root)
  return new Trust({ root, rootKey, authorities: new Map(), revoked: new Map(), lists: new Map() })
}

/** The pinned root, the CAs met so far, and every revocation known. A value: each change gives a new one. */
export class Trust {
  constructor(private readonly known: Known) {}

  /** DER of the root. */
  get root(): Bytes {
    return this.known.root.der
  }

  /** DER of what was learned: CAs, and the newest revocation list of each. */
  get learned(): { certificates: Bytes[]; crls: Bytes[] } {
    const below = [...this.known.authorities.values()].flatMap((scopes) => [...scopes.values()])
    return {
      certificates: below.map((authority) => authority.path[0].der),
      crls: [...this.known.lists.values()].map((list) => list.der)
    }
  }

  /** Learns every CA and revocation list that holds, in whatever order they come; why the others do not. */
  async learn(certificates: readonly Bytes[], crls: readonly Bytes[]): Promise<{ trust: Trust; refused: Rejected[] }> {
    let trust: Trust = this
    let pending = [...certificates]
    let refused: Rejected[] = []
    for (let before = -1; pending.length !== before; ) {
      before = pending.length
      const left: Bytes[] = []
      refused = []
      for (const der of pending) {
        trust = await trust.withAuthority(der).catch(kept(trust, refused, () => left.push(der)))
      }
      pending = left
    }
    for (const der of crls) trust = await trust.withCrl(der).catch(kept(trust, refused))
    return { trust, refused }
  }

  /** Learns a CA. Of two certificates of one CA for one scope, the one that is valid longer is kept. */
  async withAuthority(der: Bytes): Promise<Trust> {
    const certificate = (await door()).readCertificate(der)
    const authority = await this.authority(certificate, new Map())
    const key = await paths.keyIdentifierOf(certificate)
    const scopes = this.known.authorities.get(key)
    const held = scopes?.get(authority.scope)
    if (held && held.path[0].notAfter >= certificate.notAfter) return this
    const extended = new Map(scopes).set(authority.scope, authority)
    return new Trust({ ...this.known, authorities: new Map(this.known.authorities).set(key, extended) })
  }

  /** Adds what a CRL revokes; its CA must be known. What was once revoked stays so. */
  async withCrl(der: Bytes): Promise<Trust> {
    const list = (await door()).readRevocationList(der)
    const key = toHex(list.issuerKeyIdentifier)
    const authority = this.authorityOf(key, NATIONAL)
    if (!authority) throw new Rejected('signer-unknown', 'The CRL is from a CA that is not known here.')
    if (!(await paths.isSignedBy(list.signed, authority.path[0]))) {
      throw new Rejected('signature-invalid', 'The CRL is not signed by the CA that it names.')
    }
    const serials = new Set([...(this.known.revoked.get(key) ?? []), ...list.serials])
    const newest = this.known.lists.get(key)
    const lists = newest && newest.number >= list.number ? this.known.lists : new Map(this.known.lists).set(key, list)
    return new Trust({ ...this.known, revoked: new Map(this.known.revoked).set(key, serials), lists })
  }

  /**
   * Who the leaf `chain[0]` is; `chain[1..]` may hold CAs not known here. With `at` null, time is not judged.
   *
   * Throws `Rejected` with the code of the first step that fails.
   */
  async identify(chain: readonly Bytes[], at: number | null): Promise<Identity> {
    const [first, ...above] = chain
    if (!first || chain.length > CHAIN_LENGTH_MAX) {
      throw new Rejected('chain-broken', `A chain has one to ${CHAIN_LENGTH_MAX} certificates, leaf first.`)
    }
    // 1. the leaf is a certificate with a P-256 key
    const leaf = (await door()).readCertificate(first)
    const publicKey = await paths.publicKeyOf(leaf)
    // 2. its role and scope are said in exactly one urn:kpu: name
    const { role, scope } = roleAndScope(leaf)
    if (role === 'ca') throw new Rejected('role-not-allowed', 'A CA certifies others; it does not speak for a station.')
    const check = async (issuer: Authority): Promise<void> => {
      const path: paths.Path = [leaf, ...issuer.path]
      // 4. if asked: all of them are valid now
      if (at !== null) paths.checkTime(path, at)
      // 5. signatures, names, constraints, path lengths, purposes
      await paths.checkLeaf(path)
      // 6. the CA may certify only inside its own scope
      paths.checkNesting(issuer.scope, scope)
      // 7. neither it nor a CA above it has been revoked
      await this.checkNotRevoked(path)
    }
    // 3. a CA that chains to the pinned root issued it, each CA inside the scope of the one above
    const issuer = await this.issuerOf(leaf, scope, await byKeyIdentifier(above), check)
    const path: paths.Path = [leaf, ...issuer.path]
    return {
      role,
      scope,
      name: leaf.name,
      x5t: (await sha256(first)).slice(0, 8),
      serial: leaf.serial,
      publicKey,
      notBefore: Math.max(...path.map((certificate) => certificate.notBefore)),
      notAfter: Math.min(...path.map((certificate) => certificate.notAfter)),
      chain: paths.chainOf(path)
    }
  }

  /** The root or the CA learned that has this key; if there are several, one that may certify in `inner`. */
  private authorityOf(key: string, inner: string): Authority | undefined {
    if (key === this.known.rootKey) return { path: [this.known.root], scope: NATIONAL }
    const held = [...(this.known.authorities.get(key)?.values() ?? [])]
    return held.find((authority) => covers(authority.scope, inner)) ?? held[0]
  }

  /**
   * The CA that issued `certificate` and passes `check`: as it is known here or as it was sent along.
   *
   * Both are tried, and of two that pass, the one that is valid longer counts: whoever carries a statement can add a
   * path by what he sends along, and cannot spoil one that holds. If neither passes, says why.
   */
  private async issuerOf(
    certificate: Certificate,
    scope: string,
    offered: ReadonlyMap<string, Certificate>,
    check: (issuer: Authority) => Promise<void>
  ): Promise<Authority> {
    const identifier = certificate.issuerKeyIdentifier
    if (!identifier) throw new Rejected('certificate-malformed', "The certificate does not name its issuer's key.")
    const key = toHex(identifier)
    const known = this.authorityOf(key, scope)
    const sent = offered.get(key)
    const candidates: (() => Promise<Authority>)[] = known ? [async () => known] : []
    if (sent && (!known || (known.path.length > 1 && !equal(sent.der, known.path[0].der)))) {
      const remaining = new Map([...offered].filter(([name]) => name !== key))
      candidates.push(() => this.authority(sent, remaining))
    }
    let refusal = new Rejected('chain-broken', 'The issuer is neither the pinned root nor a CA known here.')
    const passing: Authority[] = []
    for (const candidate of candidates) {
      try {
        const issuer = await candidate()
        await check(issuer)
        passing.push(issuer)
      } catch (error) {
        if (!(error instanceof Rejected)) throw error
        refusal = error
      }
    }
    const [longest] = passing.toSorted((one, other) => validUntil(other) - validUntil(one))
    if (!longest) throw refusal
    return longest
  }

  private async authority(certificate: Certificate, offered: ReadonlyMap<string, Certificate>): Promise<Authority> {
    const scope = authorityScope(certificate)
    const issuer = await this.issuerOf(certificate, scope, offered, async (above) => {
      const path: paths.Path = [certificate, ...above.path]
      await paths.checkAuthority(path)
      paths.checkNesting(above.scope, scope)
      await this.checkNotRevoked(path)
    })
    return { path: [certificate, ...issuer.path], scope }
  }

  private async checkNotRevoked(path: paths.Path): Promise<void> {
    for (const [at, issuer] of path.slice(1).entries()) {
      const certificate = path[at]
      const revoked = this.known.revoked.get(await paths.keyIdentifierOf(issuer))
      if (certificate && revoked?.has(certificate.serial)) {
        throw new Rejected('signer-revoked', `The certificate of ${certificate.name} has been revoked.`)
      }
    }
  }
}

/** The region of a CA. Never another code than chain-broken: a refusal of the leaf must not hang on its company. */
function authorityScope(certificate: Certificate): string {
  try {
    const { role, scope } = roleAndScope(certificate)
    if (role === 'ca') return scope
  } catch {}
  throw paths.broken(certificate, 'it stands where a CA must, and does not say that it is one')
}

async function byKeyIdentifier(chain: readonly Bytes[]): Promise<Map<string, Certificate>> {
  const { readCertificate } = await door()
  const certificates = chain.map(readCertificate)
  return new Map(await Promise.all(certificates.map(async (ca) => [await paths.keyIdentifierOf(ca), ca] as const)))
}

const validUntil = (authority: Authority): number => Math.min(...authority.path.map((ca) => ca.notAfter))

/** Notes a refusal and goes on with `trust` as it was; what is no refusal goes on upwards. */
function kept(trust: Trust, refused: Rejected[], also: () => void = () => {}): (error: unknown) => Trust {
  return (error) => {
    if (!(error instanceof Rejected)) throw error
    refused.push(error)
    also()
    return trust
  }
}
