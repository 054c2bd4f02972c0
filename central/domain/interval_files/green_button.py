"""What a Green Button (ESPI) file holds: readings of intervals, with their type, cost and quality.

Times are seconds since 1970 in UTC, values integers of a power of ten of the unit, as the "Energy
Services Provider Interface" (NAESB REQ.21) says. A summary of usage or power quality says nothing
that the readings do not; it is counted and left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from central.domain.interval_files.values import Flag, MeteredValue

COST_DIGITS: Final = 5
"""Costs are integers of a hundred-thousandth of the currency."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# The units of measure that readings of meters have.
_UNITS: Final = {
    "29": "V",
    "38": "W",
    "42": "m3",
    "61": "VA",
    "63": "var",
    "71": "VAh",
    "72": "Wh",
    "73": "varh",
    "119": "ft3",
    "128": "US gal",
    "132": "Btu",
    "134": "l",
    "169": "therm",
}

Fields = tuple[tuple[str, str], ...]
"""Elements with their text, in the file's order; one inside another is named by its path."""


class FeedEntry(NamedTuple):
    """What a feed says of an entry, besides its content.

    Args:
        id: As the file has it.
        title: Likewise; "" for none.
        links: Relation and address of each.
        published: As the file has it; "" for none.
        updated: Likewise.
    """

    id: str = ""
    title: str = ""
    links: tuple[tuple[str, str], ...] = ()
    published: str = ""
    updated: str = ""

    def to(self, relation: str) -> list[str]:
        """The addresses of a relation."""
        return [address for name, address in self.links if name == relation]


class Resource(NamedTuple):
    """An entry with a content that is kept as it is: a usage point, or its local time.

    Args:
        entry: Of the feed.
        kind: The name of its element.
        fields: What stands in it.
    """

    entry: FeedEntry
    kind: str
    fields: Fields


class IntervalReading(NamedTuple):
    """The value of an interval.

    Args:
        start: Seconds since 1970.
        duration: Length. [s]
        value: Integer of the series' power of ten; None where the file has none.
        cost: In hundred-thousandths of the currency; None for none.
        qualities: Codes of how it came to be.
        more: What else stands in it, such as the tier.
    """

    start: int
    duration: int
    value: int | None
    cost: int | None = None
    qualities: tuple[str, ...] = ()
    more: Fields = ()


class IntervalBlock(NamedTuple):
    """Readings that a file has together.

    Args:
        start: Seconds since 1970; None where the file says no interval.
        duration: Length. [s]
        readings: In the file's order.
    """

    start: int | None
    duration: int | None
    readings: tuple[IntervalReading, ...]


class BlockEntry(NamedTuple):
    """An entry of blocks of one series."""

    entry: FeedEntry
    blocks: tuple[IntervalBlock, ...]


@dataclass(frozen=True, slots=True)
class EspiReadings:
    """The readings of one kind at a usage point.

    Args:
        entry: Of the feed.
        fields: What stands in its element, mostly nothing.
        point: Number of its usage point in the file; None where the file has none.
        type_entry: FeedEntry of what kind of readings they are.
        type_fields: What that says.
        entries: Of its blocks, in the file's order.
    """

    entry: FeedEntry
    fields: Fields
    point: int | None
    type_entry: FeedEntry
    type_fields: Fields
    entries: tuple[BlockEntry, ...]

    @property
    def unit(self) -> str:
        """Name of the unit, or the code that the file has for it."""
        code = dict(self.type_fields).get("uom", "")
        return _UNITS.get(code, f"uom {code}".strip())

    @property
    def direction(self) -> str:
        """Code of the direction of flow, such as 1 for what is delivered; "" for not said."""
        return dict(self.type_fields).get("flowDirection", "")

    @property
    def exponent(self) -> int:
        """Power of ten of the values."""
        return int(dict(self.type_fields).get("powerOfTenMultiplier", "0"))

    def readings(self) -> Iterator[IntervalReading]:
        """All, in the file's order."""
        for entry in self.entries:
            for block in entry.blocks:
                yield from block.readings


@dataclass(frozen=True, slots=True)
class GreenButtonFile:
    """A file.

    Args:
        feed: What it says of itself.
        points: Usage points.
        times: Local time parameters.
        series: Of readings.
        left_out: How many entries of a kind hold what is not kept here, by kind.
    """

    feed: FeedEntry
    points: tuple[Resource, ...] = ()
    times: tuple[Resource, ...] = ()
    series: tuple[EspiReadings, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()

    def values(self) -> Iterator[MeteredValue]:
        """Every value of the file, by series; times are UTC."""
        points = _distinct([each.entry for each in self.points])
        registers = _distinct([series.entry for series in self.series])
        for series, register in zip(self.series, registers, strict=True):
            point = "" if series.point is None else points[series.point]
            names = (point, register, "", series.unit)
            exponent = series.exponent
            for reading in series.readings():
                start = _EPOCH + timedelta(seconds=reading.start)
                yield MeteredValue(
                    *names,
                    start,
                    start + timedelta(seconds=reading.duration),
                    None if reading.value is None else Decimal(reading.value).scaleb(exponent),
                    Flag("+".join(reading.qualities)),
                    reading.qualities,
                    None if reading.cost is None else Decimal(reading.cost).scaleb(-COST_DIGITS),
                    direction=series.direction,
                )


def _distinct(entries: Sequence[FeedEntry]) -> list[str]:
    """A name for each entry: its title, with what tells it from others of the same."""
    titles = Counter(entry.title for entry in entries)
    return [
        entry.title
        if entry.title and titles[entry.title] == 1
        else f"{entry.title} {entry.id or number}".strip()
        for number, entry in enumerate(entries, start=1)
    ]
