"""Share out what a channel counted to channels of other points, by coefficients.

A coefficient is a decimal of at most six digits, so a share of a whole number of units is a whole
number of units some decimals smaller. Nothing is rounded: the shares of an interval sum to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, IntervalQuality

SHARE_DIGITS = 6
"""Decimals of a coefficient, at most."""
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Allocation:
    """How a channel is shared out from a day on.

    Args:
        effective: The first local day.
        revision: From 1; the newest of a day holds.
        shares: By channel, in the order of the document. They sum to one; none where nothing is
            shared out any more.
        withdrawn: Whether the day is taken back, so that what was before goes on.
    """

    effective: date
    revision: int
    shares: Mapping[int, Fraction] = field(default_factory=dict)
    withdrawn: bool = False


class Allocations:
    """How a channel is shared out, over time.

    Args:
        versions: All that were entered for it.
    """

    def __init__(self, versions: Iterable[Allocation]) -> None:
        newest: dict[date, Allocation] = {}
        self._since: dict[int, date] = {}
        for version in sorted(versions, key=lambda version: (version.effective, version.revision)):
            newest[version.effective] = version
            for channel in version.shares:
                self._since.setdefault(channel, version.effective)
        self._in_force = [version for version in newest.values() if not version.withdrawn]

    def on(self, day: date) -> Allocation | None:
        """What holds on a local day; None before the first."""
        begun = [version for version in self._in_force if version.effective <= day]
        return begun[-1] if begun else None

    def shares(self, day: date) -> dict[int, Fraction]:
        """The share of each channel on a local day.

        Zero of one that had a share before, or by what was corrected since: its days go on.
        """
        version = self.on(day)
        shares = {} if version is None else version.shares
        return {
            channel: shares.get(channel, Fraction(0))
            for channel, since in self._since.items()
            if since <= day
        }


def share_out(
    block: DayBlock, shares: Mapping[int, Fraction], versions: Mapping[int, int]
) -> list[DayBlock]:
    """The days that a day makes at the channels that share in it.

    What is missing is missing for all; qualities are the source's own.

    Args:
        block: The day of the source.
        shares: Of each channel, decimals of at most `SHARE_DIGITS`. They sum to one or to zero.
        versions: The version that each channel's day gets.

    Returns:
        One for each channel. Their values sum to the block's, interval by interval.
    """
    missing = block.quality == IntervalQuality.MISSING
    values = np.where(missing, 0, block.values)
    largest = max(abs(int(values.max())), abs(int(values.min())))
    digits = {channel: _digits(share) for channel, share in shares.items()}
    if largest * 10 ** max(digits.values(), default=0) <= _LARGEST:
        counted = {
            channel: values * np.int64(int(share * 10 ** digits[channel]))
            for channel, share in shares.items()
        }
    else:
        most = max(n for n in range(SHARE_DIGITS + 1) if n == 0 or largest * 10**n <= _LARGEST)
        digits = dict.fromkeys(shares, most)
        columns = [_spread(int(value) * 10**most, list(shares.values())) for value in values]
        counted = {
            channel: np.array([column[number] for column in columns], dtype=np.int64)
            for number, channel in enumerate(shares)
        }
    return [
        replace(
            block,
            channel_id=channel,
            exponent=block.exponent - digits[channel],
            values=_with_gaps(counted[channel], missing),
            version=versions[channel],
        )
        for channel in shares
    ]


def _digits(share: Fraction) -> int:
    return next(n for n in range(SHARE_DIGITS + 1) if (share * 10**n).denominator == 1)


def _with_gaps(values: NDArray[np.int64], missing: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.where(missing, np.int64(NULL), values)


def _spread(units: int, shares: Sequence[Fraction]) -> list[int]:
    """Share out a number too large for more decimals: the largest remainders take what is left."""
    exact = [units * share for share in shares]
    floors = [number.numerator // number.denominator for number in exact]
    left = int(sum(exact)) - sum(floors)
    order = sorted(range(len(shares)), key=lambda n: (floors[n] - exact[n], n))
    for number in order[:left]:
        floors[number] += 1
    return floors
