"""The demo's polling stations: the sixteen TPS of kecamatan Peso Hilir, three of Peso above it, and their figures.

The CSV files hold figures of the 2024 presidential election as Sirekap showed them, read from photographs and
edited by officers: not the official recapitulation. `peso_hilir.md` beside them says where they are from.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from relay.protocol import codes, forms
from relay.protocol.codes import TpsCode
from relay.protocol.forms import Figures, Form

FORM_CODE = 2401
PROVINCE, PROVINCE_NAME = "65", "Kalimantan Utara"
KABUPATEN, KABUPATEN_NAME = "6501", "Bulungan"
KECAMATAN, KECAMATAN_NAME = "650108", "Peso Hilir"
UPRIVER, UPRIVER_NAME = "650107", "Peso"
KECAMATAN_NAMES = {UPRIVER: UPRIVER_NAME, KECAMATAN: KECAMATAN_NAME}
_CSV_NAMES = {UPRIVER: "peso.csv", KECAMATAN: "peso_hilir.csv"}


@dataclass(frozen=True, slots=True)
class Station:
    """One TPS; `figures` in the form's order, None as a whole if nothing has been filled in."""

    tps: TpsCode
    village: str
    figures: Figures | None

    @property
    def number(self) -> str:
        """The TPS number in its village, as it is spoken: `001`."""
        return self.tps[-3:]

    @property
    def kecamatan(self) -> str:
        """The code of its kecamatan."""
        return self.tps[:6]

    @property
    def kecamatan_name(self) -> str:
        """The name of its kecamatan."""
        return KECAMATAN_NAMES[self.kecamatan]

    @property
    def name(self) -> str:
        """As people here call it."""
        return f"TPS {self.number} {self.village}"

    def figure(self, field: str) -> int | None:
        """One figure by the form's field id; None for a blank box."""
        return None if self.figures is None else self.figures[form().position(field)]

    @property
    def flags(self) -> tuple[str, ...]:
        """What a relay and the centre notice about these figures; they flag, they never refuse."""
        return () if self.figures is None else form().flags(self.figures)


def form() -> Form:
    """C.HASIL-PPWP of 2024."""
    return forms.catalogue()[FORM_CODE]


def stations(kecamatan: str = KECAMATAN) -> tuple[Station, ...]:
    """Those of a kecamatan, in the order of their codes."""
    text = resources.files(__package__).joinpath(_CSV_NAMES[kecamatan]).read_text("utf-8")
    return tuple(_station(row) for row in csv.DictReader(text.splitlines()))


def write_registry(folder: Path, listing: Sequence[Station]) -> tuple[Path, Path]:
    """The centre's registry: a CSV of TPS and one of the names of regions, for `relay central import-registry`."""
    villages = {station.tps[:10]: station.village for station in listing}
    kecamatans = {station.kecamatan: station.kecamatan_name for station in listing}
    names = {PROVINCE: PROVINCE_NAME, KABUPATEN: KABUPATEN_NAME, **kecamatans, **villages}
    stations_file, regions_file = folder / "tps.csv", folder / "regions.csv"
    stations_file.write_text("tps_code\n" + "".join(f"{station.tps}\n" for station in listing), "utf-8")
    regions_file.write_text("scope,name\n" + "".join(f"{scope},{name}\n" for scope, name in names.items()), "utf-8")
    return stations_file, regions_file


def _station(row: dict[str, str]) -> Station:
    named = {field.id: int(row[field.id]) if row[field.id] else None for field in form().fields}
    figures = form().figures(named) if any(value is not None for value in named.values()) else None
    return Station(codes.tps_code(row["tps_code"]), row["village"], figures)
