"""What the relay expects of its region, as configured: stations, names, forms. Read once, when it starts."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from relay import registry
from relay.config import BoardConfig
from relay.errors import Code, Rejected
from relay.protocol import forms
from relay.protocol.codes import Scope

log = logging.getLogger(__name__)

_VILLAGE_DIGITS = 10


@dataclass(frozen=True)
class Kecamatan:
    """A relay's region. Without a list of stations nothing is known to be missing; without names there are codes."""

    scope: Scope
    stations: frozenset[str]
    names: Mapping[str, str]
    forms: tuple[int, ...]

    @property
    def name(self) -> str:
        """What the region is called, or empty."""
        return self.names.get(self.scope, "")

    def is_listed(self, tps: str) -> bool:
        """Whether a station stands in the list; true where there is none to hold it against."""
        return not self.stations or tps in self.stations

    def villages(self, stations: Iterable[str]) -> list[dict[str, str]]:
        """The villages in which these stations lie, in order."""
        scopes = sorted({tps[:_VILLAGE_DIGITS] for tps in stations})
        return [{"scope": scope, "name": self.names.get(scope, "")} for scope in scopes]


def read(config: BoardConfig, scope: Scope) -> Kecamatan:
    """The region as `read_strictly` gives it; lists that do not hold are said in the log, and done without.

    A mistake in a list of names must not keep phones from handing over.
    """
    try:
        return read_strictly(config, scope)
    except Rejected as error:
        log.error("the board does without the lists of [board]: %s", error.sentence)
        return Kecamatan(scope, frozenset(), {}, _forms(config))


def read_strictly(config: BoardConfig, scope: Scope) -> Kecamatan:
    """The region as the files of `[board]` tell it, or `Rejected(csv-invalid)`."""
    stations = registry.read_stations(config.stations, scope) if config.stations else []
    regions = registry.read_regions(config.regions, scope) if config.regions else []
    if config.stations and not stations:
        raise Rejected(Code.CSV_INVALID, f"{config.stations} lists no station of {scope}, the relay's region.")
    return Kecamatan(scope, frozenset(stations), dict(regions), _forms(config))


def _forms(config: BoardConfig) -> tuple[int, ...]:
    return config.forms or tuple(sorted(forms.catalogue()))
