"""Bill what a schedule says: a group's month that is over, or a cycle's period on its bill day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from central.domain.actor import Actor
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.run_scope import RunScope
from central.domain.schedule import Occurrence
from central.service.billing.run_bills import RunBills
from central.service.ports.billing import BillingStore
from central.service.ports.registry import NotRegisteredError, RegistryStore

_ACTOR = Actor.job("bill")


class ScheduledRun:
    """The use-case. It drafts bills; people approve and issue them.

    Args:
        bills: Where bills are kept.
        registry: Where cycles are kept.
        clock: Now, aware; each shard takes it anew.
        shard_size: Accounts billed at a time.
        takeover_s: How long another worker's transaction may keep a shard. [s]
    """

    def __init__(
        self,
        bills: BillingStore,
        registry: RegistryStore,
        clock: Callable[[], datetime],
        shard_size: int,
        takeover_s: float,
    ) -> None:
        self._bills = bills
        self._registry = registry
        self._clock = clock
        self._shard_size = shard_size
        self._takeover_s = takeover_s

    async def __call__(self, _: datetime, occurrence: Occurrence) -> str:
        """Bill; what was done.

        A month is run on each night of its schedule, and bills what is due by then. A cycle's
        period is run once, on the first night on or after its bill day.

        Args:
            occurrence: What came due.

        Raises:
            NotRegisteredError: There is no such cycle any more.
            UnknownScopeError: There is no such group any more.
            CycleOpenError: The month is not over yet in its zone.
            StoreUnavailableError: What was committed stays; call again.
        """
        scope = RunScope(group=occurrence.schedule.group)
        if occurrence.schedule.cycle is None:
            cycle = Cycle(occurrence.night.year, occurrence.night.month).previous
        else:
            listed = await self._period(occurrence.schedule.cycle, occurrence.night)
            if listed is None:
                return "no period has its bill day yet"
            cycle = listed
            before = await self._bills.find_run(cycle, RunType.REGULAR, scope)
            if before is not None and not await self._bills.open_shards(before):
                return f"{cycle} is billed"
        use_case = RunBills(self._bills, self._clock, self._shard_size, self._takeover_s)
        run = await use_case.start(cycle, _ACTOR, RunType.REGULAR, scope)
        await use_case.work(run)
        summary = await self._bills.summary(run)
        return f"{cycle}: {summary.bill_count} bills, {summary.held_count} held"

    async def _period(self, name: str, night: date) -> Cycle | None:
        """The newest period of a cycle whose bill day has come."""
        async with self._registry.transaction() as registry:
            record = await registry.cycle(name)
        if record is None:
            message = f"There is no billing cycle {name!r}."
            raise NotRegisteredError(message, value=name)
        listed = record.until(night).listed
        due = [period for period in listed if period.bill_day <= night]
        return Cycle.parse(str(due[-1])) if due else None
