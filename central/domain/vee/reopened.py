"""Which days of a channel a change of its readings may give another content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from central.domain.metering.block import DayBlock
from central.domain.metering.grid import margin_of
from central.domain.metering.service_point import PointChannel
from central.domain.vee.day import Thresholds
from central.domain.vee.estimate import is_estimated
from firmware_bridge.contract.interval import Interval

_DAY = timedelta(days=1)


def days_reached(channel: PointChannel, change: Interval, limits: Thresholds) -> tuple[date, date]:
    """The first and the last day whose validation looks at the readings of a change.

    Args:
        channel: Whose readings.
        change: The stretch of time in which they changed.
        limits: They say how far a reading reaches; at least an interval of the channel.

    Raises:
        InvalidValueError: The zone is unknown.
    """
    tolerance = timedelta(milliseconds=limits.tolerance_ms)
    reach = tolerance + margin_of(channel, limits.linear_gap)
    first = channel.local_date(change.start - reach)
    return first, channel.local_date(change.end + reach)


def is_open(block: DayBlock) -> bool:
    """Whether a day has missing or estimated intervals, which a register elsewhere may fill."""
    return bool(block.missing) or bool(is_estimated(block).any())


def open_runs(blocks: Sequence[DayBlock]) -> Iterator[list[DayBlock]]:
    """Open days in a row: what ends such a run may make the estimates of all its days again.

    Args:
        blocks: Newest blocks of days of one channel, ascending.
    """
    run: list[DayBlock] = []
    for block in blocks:
        if run and (not is_open(block) or block.day != run[-1].day + _DAY):
            yield run
            run = []
        if is_open(block):
            run.append(block)
    if run:
        yield run


def days_reopened(reached: tuple[date, date], blocks: Iterable[DayBlock]) -> tuple[date, date]:
    """The first and the last day that a change may give another content, with the open runs there.

    Args:
        reached: As `days_reached` says.
        blocks: Newest blocks of days around it, ascending; how far decides how far runs are seen.
    """
    first, last = reached
    for run in open_runs(list(blocks)):
        # A run that ends right beside them: the next day may not be closed, or lose what it had.
        if run[0].day <= reached[1] + _DAY and reached[0] - _DAY <= run[-1].day:
            first, last = min(first, run[0].day), max(last, run[-1].day)
    return first, last
