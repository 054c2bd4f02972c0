"""What limits the parts of a run's bills; the statement: `bill_limits.sql`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.billing.correction_limits import limits_of
from central.adapters.timescale.billing.document_days import Document
from central.adapters.timescale.billing.settled_parts import settled_parts
from central.adapters.timescale.queries import load_queries
from central.domain.billing.beyond_limit import PartLimit, SettledLines
from central.domain.billing.correction_limit import limit_of_run
from central.domain.billing.planned import PlannedBill, PlannedPart
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.corrections import SettledPart

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_Key = tuple[int, date]


async def limits_of_bills(
    connection: AsyncConnection[_Row],
    bills: Sequence[PlannedBill],
    documents: Sequence[Document],
    at: datetime,
) -> Mapping[int, Mapping[_Key, PartLimit]]:
    """What limits parts of bills, by the bill's place and the part's key; nothing of others.

    The time runs back from the day of issue; of a bill that takes the place of another, whose
    document has the days of that one, from when it is rated.

    Args:
        connection: In the shard's transaction.
        bills: A run's, or a preview's.
        documents: What the day of issue says of them, in the same order.
        at: When they are rated. Aware.
    """
    limits = await limits_of(connection, {bill.account_id for bill in bills}) if bills else {}
    if not limits:
        return {}
    rated_on = at.astimezone(UTC).date()
    asked = [
        (number, planned, document.days.issued if bill.replaces is None else rated_on)
        for number, (bill, document) in enumerate(zip(bills, documents, strict=True))
        if document.days is not None
        for planned in bill.parts
    ]
    before = await _billed_before(connection, [planned for _, planned, _ in asked])
    of_bills: dict[int, dict[_Key, PartLimit]] = {}
    for position, (number, planned, day) in enumerate(asked):
        settled = before.get(position, ())
        of_account = limits.get(bills[number].account_id, ())
        terms = limit_of_run(of_account, day, billed_before=bool(settled))
        if terms is not None or settled:
            of_bills.setdefault(number, {})[planned.key] = PartLimit(terms, day, settled)
    return of_bills


async def _billed_before(
    connection: AsyncConnection[_Row], parts: Sequence[PlannedPart]
) -> Mapping[int, Sequence[SettledLines]]:
    """What was settled of the days of parts that cancelled bills billed, by the part's place."""
    cursor = await connection.execute(
        _SQL["billed_before"],
        {
            "numbers": list(range(len(parts))),
            "occupancies": [planned.occupancy.occupancy_id for planned in parts],
            "firsts": [planned.days.first for planned in parts],
            "ends": [planned.days.end for planned in parts],
            "settling": [planned.settles for planned in parts],
        },
    )
    settled: dict[int, SettledPart] = {}
    looked_at: set[int] = set()
    before: dict[int, list[SettledPart]] = {}
    for number, bill, key in await cursor.fetchall():
        if bill not in looked_at:
            looked_at.add(bill)
            there = await settled_parts(connection, bill, cancelled=True)
            settled |= {each.id: each for each in there}
        before.setdefault(number, []).append(settled[key])
    return {number: _newest(parts[number].days, some) for number, some in before.items()}


def _newest(days: DayRange, settled: Iterable[SettledPart]) -> list[SettledLines]:
    """Of each day what was settled of it last.

    Args:
        days: To be billed anew.
        settled: Parts that billed some of them, the latest first.
    """
    open_days, newest = [(days.first, days.end)], list[SettledLines]()
    for each in settled:
        left: list[tuple[date, date]] = []
        for first, end in open_days:
            since, until = max(first, each.days.first), min(end, each.days.end)
            if since >= until:
                left.append((first, end))
                continue
            left += [gap for gap in ((first, since), (until, end)) if gap[0] < gap[1]]
            newest.append(
                SettledLines(
                    each.lines,
                    None if since == each.days.first else since,
                    None if until == each.days.end else until,
                )
            )
        open_days = left
    return newest
