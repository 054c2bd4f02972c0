"""What was measured of a meter together with others, before it is rated alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.input_series import InputSeries
from central.domain.rating.inputs.segments import DayRange, Segment


class MeterTotals(NamedTuple):
    """Sums and maxima of one meter for a bill, and the blocks behind them.

    They spare the rater the intervals; what is not here is computed from those.

    Args:
        measured: By name of the determinant and number of the segment: its days, and what was
            measured on them by label, before any netting or bank, unrounded.
        sources: Input or series to the blocks behind it, on all days of the bill.
        inputs: Canonical text of the inputs that all those meters share.
    """

    measured: Mapping[tuple[str, int], tuple[DayRange, Sequence[Determinant]]]
    sources: Mapping[str, tuple[BlockSource, ...]]
    inputs: Mapping[str, str]

    def of(self, name: str, segment: Segment) -> Sequence[Determinant]:
        """What was measured on all days of a segment; nothing where it was not."""
        days, determinants = self.measured.get((name, segment.number), (segment.days, ()))
        return determinants if days == segment.days else ()


class LazySeries(Mapping[str, InputSeries]):
    """Series that are made from blocks once somebody asks for the intervals of one.

    Args:
        names: Of all of them.
        make: Gives them by name.
    """

    def __init__(self, names: Sequence[str], make: Callable[[], Mapping[str, InputSeries]]) -> None:
        self._names = names
        self._make = make
        self._made: Mapping[str, InputSeries] | None = None

    def __getitem__(self, name: str) -> InputSeries:
        if self._made is None:
            self._made = self._make()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
