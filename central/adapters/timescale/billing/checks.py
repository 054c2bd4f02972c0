"""What checks of bills ask, on PostgreSQL; the statements are in `checks.sql`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.class_policies import rows_of
from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.billing.bill_check import JudgedPart
from central.domain.billing.check_policy import CHECK_SCHEMA, CheckPolicies
from central.domain.billing.part_use import PartUse
from central.domain.billing.read import MeterRead
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.policies_in_force import GroupDays, PolicyVersion
from central.service.ports.bill_checks import AskedPart, CheckInputs, PartKey, ReleasedHold
from central.service.ports.billed_parts import BilledPart

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


class TimescaleBilledParts:
    """`BilledPartStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def billed_parts(self, ends: DayRange, after: int, limit: int) -> Sequence[BilledPart]:
        """See `BilledPartStore`."""
        # The last day is before the end.
        values = {"first": ends.first, "end": ends.end, "after": after, "limit": limit}
        with translated():
            async with self._pool.connection() as connection:
                rows = await rows_of(connection, _SQL, "billed_parts", **values)
        return [_billed(row) for row in rows]

    async def inputs_of(self, parts: Sequence[AskedPart], days_back: int) -> CheckInputs:
        """See `BilledPartStore`."""
        with translated():
            async with self._pool.connection() as connection:
                return await check_inputs(connection, parts, days_back)


def _billed(row: _Row) -> BilledPart:
    key, bill, occupancy, point, first, end, used, intervals, estimated, unit, *rest = row
    name, tariff, currency, total, billed, leads, begins, reads = rest
    use = PartUse(DayRange(first, end), used, intervals, estimated, unit or "kWh")
    judged = JudgedPart(
        name,
        tariff,
        use,
        tuple(map(MeterRead.from_json, reads or ())),
        begins=bool(begins),
        currency=currency,
        total=total,
        billed=billed,
        leads=leads,
    )
    return BilledPart(key, bill, AskedPart(occupancy, point, first, end), judged)


async def check_inputs(
    connection: _Connection, parts: Sequence[AskedPart], days_back: int
) -> CheckInputs:
    """See `CheckReads`."""
    if not parts:
        return CheckInputs()
    history: dict[PartKey, list[PartUse]] = {}
    rows = await rows_of(
        connection,
        _SQL,
        "history",
        occupancies=[asked.occupancy_id for asked in parts],
        firsts=[asked.first for asked in parts],
        days=days_back,
    )
    for number, first, end, *figures in rows:
        use = PartUse(DayRange(first, end), *figures)
        history.setdefault(parts[number].key, []).append(use)
    last = max(asked.end for asked in parts)
    points = {asked.point_id for asked in parts}
    return CheckInputs(await check_policies(connection, points, last), history)


async def check_policies(
    connection: _Connection, points: Collection[int], last: date
) -> CheckPolicies:
    """What judges bills of some points.

    Args:
        connection: Where to ask.
        points: Keys of the service points.
        last: A local day; versions that begin later are left out.
    """
    rows = await rows_of(connection, _SQL, "policies", last=last)
    versions = [PolicyVersion(row[0], row[1], row[2], CHECK_SCHEMA.of(row[3])) for row in rows]
    groups: dict[str, list[GroupDays]] = {}
    if versions:
        names = sorted({entry.class_name for entry in versions})
        for row in await rows_of(connection, _SQL, "groups", points=sorted(points), names=names):
            groups.setdefault(row[0], []).append(GroupDays(*row[1:]))
    return CheckPolicies(versions, groups)


async def released(
    connection: _Connection, bills: Collection[int]
) -> Mapping[int, Collection[ReleasedHold]]:
    """See `CheckReads`."""
    holds: dict[int, set[ReleasedHold]] = {}
    for bill, code, content in await rows_of(connection, _SQL, "released", bills=sorted(bills)):
        holds.setdefault(bill, set()).add(ReleasedHold(code, content))
    return holds
