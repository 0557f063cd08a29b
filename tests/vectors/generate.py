"""Writes the test vectors: `python -m tests.vectors.generate`. Every run writes the same bytes, on any machine.

A vector that changes is a protocol that changed: PROTOCOL.md says what the files are.
"""

import json
import sys
from pathlib import Path
from typing import Any

from relay.protocol.certificates import der_of
from tests.vectors import columned, country, enrolled, framed, noted, signed, spoilt
from tests.vectors.example import Example

HERE = Path(__file__).parent
_ABOUT = (
    "Examples of relay's protocol (PROTOCOL.md), good and bad. Judge each file at judged_at (Unix seconds), with root "
    "pinned, authorities and crls known, and the certificates in chain (leaf first) handed over beside it, to a frame "
    "the documents that its header names; what is "
    "expected is what a strict judge, the centre, finds. cddl: whether the bytes match the CDDL rule named. "
    "signature: whether the key of certificate signer has signed the message; absent where that does not matter."
)


def build() -> dict[str, bytes]:
    """Every file but Python's, by its path below this folder."""
    files: dict[str, bytes] = {}
    names: dict[bytes, str] = {}
    certificates = [_certificate(files, names, *item) for item in _certificates()]
    crls = [f"certificates/{name}.crl.der" for name in country.CRLS]
    files |= dict(zip(crls, country.CRLS.values(), strict=True))
    examples = [
        *signed.all_good(),
        *spoilt.all_bad(),
        *framed.all_framed(),
        *columned.all_columned(),
        *noted.all_noted(),
    ]
    index = {
        "about": _ABOUT,
        "judged_at": int(country.JUDGED_AT.timestamp()),
        "root": "certificates/kpu-root.der",
        "authorities": ["certificates/kpu-6501.der", "certificates/kpu-650108.der", "certificates/kpu-6502.der"],
        "crls": crls,
        "keys": {party.name: f"{party.key.private_numbers().private_value:064x}" for party in _signing()},
        "certificates": certificates,
        "enrolment": enrolled.worked(files, names),
        "examples": [_entry(files, names, example) for example in examples],
    }
    files["vectors.json"] = (json.dumps(index, indent=1, ensure_ascii=False) + "\n").encode()
    return files


def write(folder: Path) -> int:
    """Writes every file below `folder` and removes what is not one of them any more; how many there are."""
    files = build()
    for old in [*folder.glob("*/*.der"), *folder.glob("*/*.c*"), *folder.glob("*.json")]:
        if old.suffix != ".pyc" and str(old.relative_to(folder)) not in files:
            old.unlink()
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return len(files)


def _signing() -> tuple[country.Party, ...]:
    return (country.OFFICER, country.OPERATOR, country.RELAY, country.CENTRE)


def _certificates() -> list[tuple[str, bytes, tuple[bytes, ...], dict[str, Any]]]:
    """(name, DER, the CAs above it without the root, what is expected of it and what openssl says)."""

    def ok(role: str, scope: str) -> dict[str, Any]:
        return {"ok": {"role": role, "scope": scope}, "openssl": True}

    def no(code: str, *, openssl: bool = False) -> dict[str, Any]:
        return {"code": code, "openssl": openssl}

    stranger = der_of(country.STRANGER.certificate)
    rows: list[tuple[str, bytes, tuple[bytes, ...], dict[str, Any]]] = [
        ("kpu-root", der_of(country.ROOT.certificate), (), {}),
        ("another-root", stranger, (), {}),
        ("kpu-6501", country.KABUPATEN.chain[0], (), {}),
        ("kpu-650108", country.KECAMATAN.chain[0], country.KABUPATEN.chain, {}),
        ("kpu-6502", country.EXPIRED_CA.chain[0], (), {}),
        ("another-6501", country.FOREIGN_CA.chain[0], (), {}),
    ]
    leaves = {
        "officer": (country.OFFICER, ok("kpps", country.TPS)),
        "officer-of-village": (country.VILLAGE_OFFICER, ok("kpps", country.TPS[:10])),
        "officer-under-650108": (country.KECAMATAN_OFFICER, ok("kpps", country.TPS)),
        "officer-next-door": (country.NEIGHBOUR, ok("kpps", "6501082001002")),
        "operator": (country.OPERATOR, ok("ppk", "650108")),
        "operator-next-door": (country.OPERATOR_NEXT_DOOR, ok("ppk", "650109")),
        "relay": (country.RELAY, ok("relay", "650108")),
        "centre": (country.CENTRE, ok("pusat", "")),
        "officer-revoked": (country.REVOKED, no("signer-revoked")),
        "officer-expired": (country.EXPIRED, no("certificate-not-valid-now")),
        "officer-under-expired-ca": (country.UNDER_EXPIRED_CA, no("certificate-not-valid-now")),
        "officer-of-another-root": (country.FOREIGNER, no("chain-broken")),
        "officer-outside-scope": (country.OUTSIDE, no("ca-outside-scope", openssl=True)),
        "unknown-role": (country.UNKNOWN_ROLE, no("role-unknown", openssl=True)),
    }
    return rows + [(name, party.chain[0], party.chain[1:], expected) for name, (party, expected) in leaves.items()]


def _certificate(
    files: dict[str, bytes], names: dict[bytes, str], name: str, der: bytes, above: tuple[bytes, ...], said: Any
) -> dict[str, Any]:
    files[f"certificates/{name}.der"] = der
    names[der] = f"certificates/{name}.der"
    entry = {"name": name, "file": names[der], "chain": [names[der], *(names[ca] for ca in above)]}
    openssl = {"openssl": said["openssl"]} if said else {}
    expected = {key: value for key, value in said.items() if key != "openssl"}
    return entry | ({"expected": expected} if expected else {}) | openssl


def _entry(files: dict[str, bytes], names: dict[bytes, str], example: Example) -> dict[str, Any]:
    folder, suffix = ("framed", "cbor") if example.rule in ("frame", "message") else ("signed", "cose")
    path = f"{folder}/{example.name}.{suffix}"
    if path in files:
        raise ValueError(f"two examples are called {example.name}")
    files[path] = example.data
    entry: dict[str, Any] = {"name": example.name, "rule": example.rule, "what": example.what, "file": path}
    if folder == "signed":
        entry["chain"] = [names[der] for der in example.chain]
    if example.documents:
        entry["documents"] = [item.hex() for item in example.documents]
    if example.signature is not None and example.signer is not None:
        entry |= {"signer": names[example.signer], "signature": example.signature}
    expected = {"code": str(example.code)} if example.code else {"ok": example.ok}
    return entry | {"cddl": example.cddl, "expected": expected}


if __name__ == "__main__":
    print(f"{write(HERE)} files")
    sys.exit(0)
