"""TPS codes and scopes: 13 digits that name a polling station, and the prefixes that name a region."""

from typing import NewType

from relay.errors import Code, Rejected

TpsCode = NewType("TpsCode", str)
Scope = NewType("Scope", str)

LEVELS = {0: "nasional", 2: "provinsi", 4: "kabupaten/kota", 6: "kecamatan", 10: "desa/kelurahan", 13: "TPS"}
"""Length of a scope in digits -> what it names."""

NATIONAL = Scope("")


def tps_code(text: str) -> TpsCode:
    """The TPS code in `text`: exactly 13 ASCII digits, or `Rejected(tps-malformed)`."""
    if len(text) != 13 or not (text.isascii() and text.isdigit()):
        raise Rejected(Code.TPS_MALFORMED, f"A TPS code has 13 digits, such as 6501082001001; this is {text[:40]!r}.")
    return TpsCode(text)


def scope(text: str) -> Scope:
    """The scope in `text`: 0, 2, 4, 6, 10 or 13 ASCII digits, or `Rejected(tps-malformed)`."""
    if len(text) not in LEVELS or (text and not (text.isascii() and text.isdigit())):
        raise Rejected(
            Code.TPS_MALFORMED,
            "A scope is the first 2 (province), 4 (kabupaten), 6 (kecamatan), 10 (village) or all 13 digits of a "
            f"TPS code; this is {text[:40]!r}.",
        )
    return Scope(text)


def covers(outer: str, inner: str) -> bool:
    """Whether region `outer` contains region or station `inner`."""
    return inner.startswith(outer)


def level(of: Scope) -> str:
    """What a scope names, in the words of the forms: `level(Scope("650108"))` is "kecamatan"."""
    return LEVELS[len(of)]
