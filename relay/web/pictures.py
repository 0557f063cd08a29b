"""How a photograph is shown to a browser: its kind by its first bytes, and that it may run nothing."""

from pathlib import Path

_OTHER = "application/octet-stream"
_KINDS = (
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"WEBP", 8, "image/webp"),
    *((b"ftyp" + brand, 4, "image/heic") for brand in (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")),
    (b"%PDF-", 0, "application/pdf"),
)
"""How files begin: these bytes, at this place."""
BYTES_ONLY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",  # whatever it is, it runs nothing here
}


def headers(path: Path) -> dict[str, str]:
    """The headers with which the file at `path` goes out: images are shown, anything else is only saved."""
    kind = kind_of(path)
    return {
        "Content-Type": kind,
        "Content-Disposition": "inline" if kind.startswith("image/") else "attachment",
        **BYTES_ONLY,
    }


def kind_of(path: Path) -> str:
    """The media type of a photograph, by its first bytes; what is not known is only bytes."""
    try:
        with path.open("rb") as file:
            begin = file.read(16)
    except OSError:
        return _OTHER
    return next((kind for mark, at, kind in _KINDS if begin[at:].startswith(mark)), _OTHER)
