"""A price or factor series as it is kept: a version per UTC day, never changed afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from math import gcd

from central.domain.rating.inputs.price_series import PriceSeries
from firmware_bridge.contract.errors import InvalidValueError

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class PriceDay:
    """The numbers of one UTC day.

    Args:
        name: As the tariff's series names it (`ES.DA`).
        day: In UTC.
        step_s: Length of a step; a day is a whole number of them. [s]
        exponent: Decimal exponent of all numbers.
        mantissas: A number for every step, None where it is not known.
        version: 1 for the first that was said of the day; each correction counts up.

    Raises:
        InvalidValueError: The steps do not make a day.
    """

    name: str
    day: date
    step_s: int
    exponent: int
    mantissas: tuple[int | None, ...]
    version: int = 1

    def __post_init__(self) -> None:
        if self.step_s <= 0 or self.step_s * len(self.mantissas) != _DAY_S:
            message = f"{len(self.mantissas)} steps of {self.step_s} s are not a day."
            raise InvalidValueError(message, value=self.step_s)

    @property
    def start(self) -> datetime:
        """Its first instant."""
        return datetime.combine(self.day, time(), UTC)

    def at(self, step_s: int, exponent: int) -> PriceDay:
        """The same numbers in finer steps and on a smaller exponent."""
        times, scale = self.step_s // step_s, 10 ** (self.exponent - exponent)
        finer = tuple(
            None if one is None else one * scale for one in self.mantissas for _ in range(times)
        )
        return replace(self, step_s=step_s, exponent=exponent, mantissas=finer)

    def completed(self, given: PriceDay) -> PriceDay:
        """What is known once more was said: given numbers replace, others stay.

        Args:
            given: Of the same day.

        Returns:
            This day itself where that says nothing new, else its next version.
        """
        known, said = _alike([self, given])
        pairs = zip(known.mantissas, said.mantissas, strict=True)
        merged = tuple(before if now is None else now for before, now in pairs)
        if merged == known.mantissas:
            return self
        return replace(known, mantissas=merged, version=self.version + 1)

    def contradicts(self, given: PriceDay) -> bool:
        """Whether a number that is known here is given otherwise."""
        known, said = _alike([self, given])
        pairs = zip(known.mantissas, said.mantissas, strict=True)
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)


def split_days(series: PriceSeries) -> Iterator[PriceDay]:
    """The UTC days of a series, ascending; those in which nothing is known are left out.

    Args:
        series: Its steps divide a day, and one begins at midnight.

    Raises:
        InvalidValueError: They do not.
    """
    midnight = datetime.combine(series.start.date(), time(), UTC)
    offset, left = divmod(series.start - midnight, timedelta(seconds=series.step_s))
    if left or _DAY_S % series.step_s:
        message = f"Steps of {series.step_s} s from {series.start} on do not fall into UTC days."
        raise InvalidValueError(message, value=series.step_s)
    count = _DAY_S // series.step_s
    padded = (*[None] * offset, *series.mantissas)
    padded += (None,) * (-len(padded) % count)
    for number in range(len(padded) // count):
        mantissas = padded[number * count : (number + 1) * count]
        if any(one is not None for one in mantissas):
            day = midnight.date() + timedelta(days=number)
            yield PriceDay(series.name, day, series.step_s, series.exponent, mantissas)


def join_days(days: Sequence[PriceDay]) -> PriceSeries:
    """One series of some days, in the finest of their steps; what lies between is not known.

    Args:
        days: Of one name, ascending, each once; at least one.
    """
    found: list[int | None] = []
    alike = _alike(days)
    first = alike[0]
    count = len(first.mantissas)
    for one in alike:
        gap = (one.day - first.day).days * count - len(found)
        found += [None] * gap
        found += one.mantissas
    return PriceSeries(first.name, first.start, first.step_s, tuple(found), first.exponent)


def _alike(days: Sequence[PriceDay]) -> list[PriceDay]:
    step_s = gcd(*(one.step_s for one in days))
    exponent = min(one.exponent for one in days)
    return [one.at(step_s, exponent) for one in days]
