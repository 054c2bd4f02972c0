"""Where a life meets what people decide of days: edits, estimates, accepted findings, storms."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction

from central.adapters.timescale.pool import Pool
from central.adapters.timescale.registry.registry import TimescaleRegistry
from central.adapters.timescale.validation.policies import TimescalePolicies
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.domain.rating.inputs.segments import DayRange
from central.domain.reason_code import ReasonCode
from central.domain.vee.decided_day import DayNote
from central.domain.vee.policy_document import VEE_SCHEMA
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.ports.validation import PointChannelId
from central.service.registry.groups import NamedGroups
from central.service.validation.chosen_estimate import ChosenEstimate
from central.service.validation.decide_days import DecideDays
from central.service.validation.policies import Policies
from firmware_bridge.contract.obis import Obis
from tests.support.actors import person

EXPERT = person("expert")
_DAY = timedelta(days=1)


class ProductDays:
    """The use-cases.

    Args:
        pool: Of the store.
        clock: Now.
    """

    def __init__(self, pool: Pool, clock: Callable[[], datetime]) -> None:
        self._pool = pool
        self._clock = clock
        self._store = TimescaleValidationStore(pool)
        self._decide = DecideDays(self._store, clock)
        self._policies = Policies(TimescalePolicies(pool), clock)

    async def edit(self, point: str, code: str, values: Mapping[datetime, int]) -> None:
        """Give intervals other values, by their start."""
        given = {start: Fraction(value) for start, value in values.items()}
        note = DayNote(EXPERT, ReasonCode.METER_FAULT, "the meter leapt")
        await self._decide.edit(await self._channel(point, code), given, note)

    async def estimate(
        self, point: str, code: str, days: tuple[date, date], method: str | None, *, over: bool
    ) -> None:
        """Estimate what days lack, or what was metered as well."""
        chosen = ChosenEstimate(method, over_readings=over)
        note = DayNote(EXPERT, ReasonCode.METER_FAULT, "the meter stood still")
        await self._decide.estimate(await self._channel(point, code), DayRange(*days), chosen, note)

    async def restore(self, point: str, code: str, day: date) -> None:
        """Let a day say again what its readings say."""
        note = DayNote(EXPERT, ReasonCode.MISTAKE, "the readings are right")
        channel = await self._channel(point, code)
        await self._decide.restore(channel, DayRange(day, day + _DAY), note)

    async def accept(self, point: str, code: str, finding: str, days: Collection[date]) -> int:
        """Accept the open findings of a kind on some days; how many there are."""
        channel = await self._channel(point, code)
        open_ones = await self._store.open_findings(channel)
        mine = [one for one in open_ones if one.code == finding and one.day in days]
        for one in mine:
            if one.accepted_by is None:
                at = self._clock()
                await self._store.accept_finding(one.id, EXPERT, "asked the customer", at)
        return len(mine)

    async def policy(self, class_name: str, document: str, effective: date) -> None:
        """Judge a class otherwise."""
        note = EXPERT, "as agreed"
        await self._policies.set_policy(class_name, VEE_SCHEMA.parse(document), effective, note)

    async def storm(
        self, group: str, points: Sequence[str], span: tuple[datetime, datetime]
    ) -> None:
        """Suspend what an outage sets off, of some points."""
        groups = NamedGroups(TimescaleRegistry(self._pool), EXPERT, self._clock)
        await groups.add(GroupRecord(group, GroupOf.POINT))
        for point in points:
            await groups.assign(group, Membership(point, span[0].date() - _DAY))
        await self._policies.start_storm(group, span, (EXPERT, "lightning"))

    async def _channel(self, point: str, code: str) -> PointChannelId:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                _CHANNEL, {"point": point, "obis": Obis.parse(code).code}
            )
            rows = await cursor.fetchall()
        return PointChannelId(rows[0][0])


_CHANNEL = """\
SELECT point_channel.id
FROM point_channel JOIN service_point ON service_point.id = service_point_id
WHERE service_point.name = %(point)s AND obis = %(obis)s
"""
