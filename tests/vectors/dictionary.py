"""Writes the dictionary for statements in columns: `python -m tests.vectors.dictionary FILE`.

It is what such a frame looks like when nobody has said anything yet: an officer's certificate and a CA's from the
test vectors, a list of photographs, and one tally of each form that there was then, with every figure zero. No figure
of any real paper is in it. It was made once: PROTOCOL.md has its hash, and another one would be another packing.
"""

import sys
from pathlib import Path

from relay.protocol import codes, forms, parcels, statements
from relay.protocol.parcels import StatementParcel
from tests.vectors import country, signed

_FORMS = (2401, 2402, 2403)


def build() -> bytes:
    """What is most often needed stands last, where zstd refers to it with the fewest bits."""
    certificate, ca = country.OFFICER.chain
    return b"".join([signed.documents()[0].data, ca, certificate, *map(_tally, reversed(_FORMS))])


def _tally(form: int) -> bytes:
    """A body with one tally of `form`, none of whose bytes are somebody's."""
    figures = forms.pack((0,) * len(forms.catalogue()[form].fields))
    payload = statements.tally(
        tps=codes.tps_code(country.TPS), form=form, revision=1, signed_at=signed.SIGNED_AT, figures=figures
    )
    return parcels.in_columns([StatementParcel(country.OFFICER.signer.sign(payload).bare)])[0]


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(build())
