"""A class's load profile as a series: what one of its points uses, step by step."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction

from central.domain.rating.inputs.price_series import PriceSeries

_HOUR = timedelta(hours=1)


class ClassProfile:
    """What a point of a class uses.

    Args:
        series: In the channel's unit an hour (W for Wh), in steps of any length.
        version: Which versions of its days were read, for evidence.
    """

    def __init__(self, series: PriceSeries, version: str = "") -> None:
        self._start = series.start
        self._step = timedelta(seconds=series.step_s)
        self._rates = series.mantissas
        self._scale = Fraction(10) ** series.exponent
        self.source = f"{series.name}{version}"

    def used(self, start: datetime, end: datetime) -> Fraction | None:
        """What is used in a stretch of time. [unit].

        Returns:
            None where the profile does not say all of it, or says less than zero.
        """
        total, at = Fraction(0), start
        while at < end:
            number = (at - self._start) // self._step
            rate = self._rates[number] if 0 <= number < len(self._rates) else None
            if rate is None or rate < 0:
                return None
            until = min(end, self._start + (number + 1) * self._step)
            total += rate * self._scale * Fraction((until - at) / _HOUR)
            at = until
        return total
