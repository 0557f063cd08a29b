"""What an example is: bytes, what they are an example of, and what a receiver must make of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from relay.errors import Code

STRUCTURAL = {Code.COSE_MALFORMED, Code.ALGORITHM_UNSUPPORTED, Code.STATEMENT_MALFORMED, Code.MALFORMED_CBOR}
"""Codes of what CDDL can see as well; other mistakes are of meaning, of trust, or of how CBOR is written."""


@dataclass(frozen=True)
class Example:
    """One file. `ok` is what a receiver reads in it, `code` why it is refused instead.

    `rule` is the CDDL rule for it; `cddl` whether the bytes match that rule. `chain` is what the receiver is handed
    beside the bytes; `signature` whether the key of whom the message names has made its signature (None: no matter).
    """

    name: str
    rule: str
    what: str
    data: bytes
    ok: Mapping[str, Any] | None = None
    code: Code | None = None
    cddl: bool = True
    chain: tuple[bytes, ...] = ()
    documents: tuple[bytes, ...] = ()  # of a frame: those that the header which announced it names
    signature: bool | None = None
    signer: bytes | None = None  # the certificate that the message names
    more: Mapping[str, Any] = field(default_factory=dict)


def good(name: str, rule: str, what: str, data: bytes, ok: Mapping[str, Any], **more: Any) -> Example:
    """An example that is accepted."""
    return Example(name, rule, what, data, ok=ok, **more)


def bad(name: str, rule: str, what: str, data: bytes, code: Code, **more: Any) -> Example:
    """An example that is refused with `code`."""
    return Example(name, rule, what, data, code=code, **{"cddl": code not in STRUCTURAL, **more})
