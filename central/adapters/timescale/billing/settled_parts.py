"""Parts of issued bills as rows say that they are settled; the statements: `tail.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.corrections import SettledPart

_Row = tuple[Any, ...]


def settled_part(row: _Row, lines: Sequence[tuple[int, str, RatedLine]]) -> SettledPart:
    """A part of an issued bill, as it is settled.

    Args:
        row: Of the statement `parts`.
        lines: Of the bill: number, service point and line.
    """
    key, occupancy, point, tariff, first, end, settles, version, closing, shared, *numbered = row
    begin, after, is_numbered, newest, hashes = numbered
    days = DayRange(first, end)
    if newest is not None:
        mine = tuple(map(RatedLine.from_json, newest))
    elif is_numbered:
        mine = tuple(line for number, _, line in lines if begin and begin <= number < after)
    else:
        billed = DayRange(first - timedelta(days=1), end) if settles else days
        mine = tuple(
            line
            for _, of_point, line in lines
            if of_point == point and line.tariff_sha256 in hashes and _within(line.first, billed)
        )
    return SettledPart(
        id=key,
        occupancy_id=occupancy,
        service_point=point,
        tariff=tariff,
        days=days,
        version=version,
        lines=mine,
        closing=CarriedState.from_json(closing),
        own_closing=None if shared is None else CarriedState.from_json(shared),
    )


def _within(day: date, days: DayRange) -> bool:
    return days.first <= day < days.end
