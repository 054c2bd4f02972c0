"""Price series: one price per step of time, exact."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.hashing import digest
from firmware_bridge.contract.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class PriceSeries:
    """Prices from an instant on, in equal steps.

    Args:
        name: As the tariff's series names it (`ES.DA`).
        start: First instant. Aware.
        step_s: Length of a step. [s]
        mantissas: Price per step. [currency per unit x 10 ** exponent]
        exponent: Decimal exponent of all prices.

    Raises:
        InvalidValueError: The start has no zone, or there is no step.
    """

    name: str
    start: datetime
    step_s: int
    mantissas: tuple[int, ...]
    exponent: int

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.step_s <= 0:
            message = f"The price series {self.name!r} needs a zone and a step."
            raise InvalidValueError(message, value=(self.start, self.step_s))

    def at_steps(self, start: datetime, step_s: int, count: int) -> NDArray[np.object_] | None:
        """The price of each of `count` steps, None where one is not known or lies in two.

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
        return np.array(self.mantissas, dtype=object)[numbers]

    def to_json(self) -> dict[str, Any]:
        """What went into a bill: name, place and the hash of the prices."""
        return {
            "name": self.name,
            "start": self.start.isoformat(),
            "step_s": self.step_s,
            "sha256": digest([list(map(str, self.mantissas)), self.exponent]),
        }
