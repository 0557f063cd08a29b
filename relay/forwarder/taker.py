"""Who takes what: a stream, as far as the ledgers are concerned."""

from collections.abc import Hashable

Taker = Hashable
"""Something that takes parcels and may die."""
