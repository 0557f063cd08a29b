"""What a node notices about a statement and refuses nothing for: broken rules, an unknown form, a clock far off."""

from relay.errors import Rejected
from relay.protocol import forms
from relay.protocol.statements import Kind, Statement

FORM_UNKNOWN = "form-unknown"
CLOCK_DOUBTFUL = "clock-doubtful"
_CLOCK_DOUBT_SECONDS = 14 * 86400


def flags(parsed: Statement, held_at: int) -> tuple[str, ...]:
    """The flags of a statement that was taken at `held_at` (Unix seconds), in order."""
    return figures_and_flags(parsed, held_at)[1]


def figures_and_flags(parsed: Statement, held_at: int) -> tuple[forms.Figures, tuple[str, ...]]:
    """A tally's figures in its form's order, and the flags.

    There are no figures of another kind, of an unknown form, or where they do not fit it (taken before it was known).
    """
    doubtful = (CLOCK_DOUBTFUL,) if abs(parsed.signed_at - held_at) > _CLOCK_DOUBT_SECONDS else ()
    form = forms.catalogue().get(parsed.form)
    if form is None:
        return (), (FORM_UNKNOWN, *doubtful)
    if parsed.kind is not Kind.TALLY:
        return (), doubtful
    try:
        figures = forms.unpack(form, parsed.figures)
    except Rejected:
        return (), (FORM_UNKNOWN, *doubtful)
    return figures, doubtful + form.flags(figures)
