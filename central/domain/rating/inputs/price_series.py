"""Price series: one price per step of time, exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.hashing import digest
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import Interval


@dataclass(frozen=True, slots=True)
class PriceSeries:
    """Prices from an instant on, in equal steps.

    Args:
        name: As the tariff's series names it (`ES.DA`).
        start: First instant. Aware; kept in UTC.
        step_s: Length of a step. [s]
        mantissas: Price per step, None where it is not known.
            [currency per unit x 10 ** exponent]
        exponent: Decimal exponent of all prices.

    Raises:
        InvalidValueError: The start has no zone, or there is no step.
    """

    name: str
    start: datetime
    step_s: int
    mantissas: tuple[int | None, ...]
    exponent: int

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.step_s <= 0:
            message = f"The price series {self.name!r} needs a zone and a step."
            raise InvalidValueError(message, value=(self.start, self.step_s))
        object.__setattr__(self, "start", self.start.astimezone(UTC))

    def at_steps(self, start: datetime, step_s: int, count: int) -> NDArray[np.object_] | None:
        """The price of each of `count` steps; None where one is unknown, or its step lies in two.

        Args:
            start: First instant.
            step_s: Length of the steps, a divisor of the series' own. [s]
            count: How many.
        """
        if self.step_s % step_s:
            return None
        offset, left = divmod(start - self.start, timedelta(seconds=step_s))
        if left or offset < 0:
            return None
        numbers = (offset + np.arange(count)) * step_s // self.step_s
        if count and int(numbers[-1]) >= len(self.mantissas):
            return None
        found = np.array(self.mantissas, dtype=object)[numbers]
        return None if any(price is None for price in found.tolist()) else found

    def over(self, intervals: Sequence[Interval]) -> NDArray[np.object_] | None:
        """The price of each of some intervals; None where one is unknown, or has more than one.

        Args:
            intervals: Of any length.
        """
        step = timedelta(seconds=self.step_s)
        numbers: NDArray[np.object_] = np.empty(len(intervals), dtype=object)
        for index, interval in enumerate(intervals):
            first = (interval.start - self.start) // step
            end = -((self.start - interval.end) // step)
            prices = set(self.mantissas[first:end]) if 0 <= first < end else set()
            if end > len(self.mantissas) or len(prices) != 1 or None in prices:
                return None
            numbers[index] = prices.pop()
        return numbers

    def within(self, interval: Interval) -> PriceSeries:
        """The steps that overlap an interval, so that what a bill rests on never grows later."""
        step = timedelta(seconds=self.step_s)
        first = min(max(0, (interval.start - self.start) // step), len(self.mantissas))
        end = max(first, -((self.start - interval.end) // step))
        return replace(self, start=self.start + first * step, mantissas=self.mantissas[first:end])

    def to_json(self) -> dict[str, Any]:
        """What went into a bill: name, place and the hash of the prices."""
        return {
            "name": self.name,
            "start": self.start.isoformat(),
            "step_s": self.step_s,
            "sha256": digest([[_text(price) for price in self.mantissas], self.exponent]),
        }


def _text(price: int | None) -> str:
    return "" if price is None else str(price)
