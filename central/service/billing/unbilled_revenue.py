"""Keep what the days that no issued bill says would be billed, by account, day and charge.

An account is rated again only where something that its bill rests on is another than it was: a
revision, a day that was closed, a bill that was issued. Only days whose amounts are others are
written, and each says since when it is known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import islice

from central.domain.billing.unbilled import Unbilled, by_day
from central.domain.rating.determinants.align import inputs_of
from central.service.billing.preview_bills import Previewed, preview_bills
from central.service.billing.tariffs import Tariffs
from central.service.ports.bill_shard import Shard, SupplyWork
from central.service.ports.unbilled import NewUnbilled, OpenAccount, UnbilledStore

PAGE = 2_000
"""How many accounts are looked at together."""

TOGETHER = 200
"""How many accounts are rated together."""


@dataclass(slots=True)
class UnbilledTally:
    """What a refresh did.

    Args:
        looked: Accounts that were looked at.
        rated: Accounts that were rated again.
        days: Whose amounts are others.
        held: Accounts whose bill something would hold.
    """

    looked: int = 0
    rated: int = 0
    days: int = 0
    held: int = 0


class UnbilledRevenue:
    """The use-case.

    Args:
        store: Where it is written.
        clock: Now, aware.
    """

    def __init__(
        self, store: UnbilledStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def refresh(
        self, account: str | None = None, progress: Callable[[int], None] = lambda _: None
    ) -> UnbilledTally:
        """Rate what changed, and keep it.

        Args:
            account: Number of the only account; None for all that changed.
            progress: Told how many accounts were kept, each time some were.

        Raises:
            NotRegisteredError: There is no such account.
            StoreUnavailableError: What was kept stays; call again.
        """
        tally = UnbilledTally()
        after: int | None = 0
        while after is not None:
            page = await self._store.changed(after, PAGE, self._clock(), account)
            after = page.last
            tally.looked += page.looked
            for begin in range(0, len(page.accounts), TOGETHER):
                some = page.accounts[begin : begin + TOGETHER]
                await self._rate(some, tally)
                progress(len(some))
        return tally

    async def _rate(self, accounts: Sequence[OpenAccount], tally: UnbilledTally) -> None:
        at = self._clock()
        unbilled = await self._previewed(accounts, at)
        # What cannot be rated to the end is rated until the first day that misses something.
        shorter = {
            each.account.id: each.rated_until
            for each in unbilled
            if each.rated_until is not None and each.rated_until < each.account.end
        }
        if shorter:
            again = [
                account._replace(end=shorter[account.id])
                for account in accounts
                if account.id in shorter
            ]
            before = {each.account.id: each for each in unbilled}
            before |= {
                each.account.id: replace(
                    before[each.account.id], occupancies=_held_by(each, before[each.account.id])
                )
                for each in await self._previewed(again, at)
            }
            unbilled = list(before.values())
        written = await self._store.keep(unbilled, at)
        tally.rated += written.accounts
        tally.days += written.days
        tally.held += sum(any(each.holds for each in new.occupancies) for new in unbilled)

    async def _previewed(self, accounts: Sequence[OpenAccount], at: datetime) -> list[NewUnbilled]:
        ends = {account.id: account.end for account in accounts}
        async with self._store.previewing(accounts, at) as work:
            previews = await preview_bills(work, ends, at)
            return [
                _unbilled(account, previews.get(account.id, ()), work.shard) for account in accounts
            ]


def _held_by(rated: NewUnbilled, held: NewUnbilled) -> tuple[Unbilled, ...]:
    """What could be rated, with what holds the days behind."""
    holds = {each.occupancy_id: each for each in held.occupancies if each.holds}
    unbilled = {each.occupancy_id: each for each in rated.occupancies}
    for key, each in holds.items():
        empty = replace(each, charges={}, days=(each.days[0], each.days[0]))
        mine = unbilled.get(key, empty)
        unbilled[key] = replace(mine, holds=each.holds, days=(mine.days[0], each.days[1]))
    return tuple(unbilled.values())


def _first_incomplete(supply: SupplyWork, inputs: Collection[str]) -> date | None:
    """The first day of which an interval of an input is missing, of any of its channels.

    Args:
        supply: What is billed.
        inputs: Those that its tariff reads; what is missing of others holds nothing up.
    """
    firsts: list[date] = []
    for name in inputs:
        channels: dict[int, set[date]] = {}
        for block in supply.blocks.get(name, ()):
            complete = channels.setdefault(block.channel_id, set())
            if not block.missing:
                complete.add(block.day)
        for complete in channels.values() or [set[date]()]:
            days = (day for day in supply.days.days() if day not in complete)
            firsts += list(islice(days, 1))
    return min(firsts, default=None)


def _inputs_read(shard: Shard, supply: SupplyWork) -> Collection[str]:
    """The inputs that a supply's tariff reads on its days; all where it is refused."""
    records = {supply.tariff: shard.tariffs.get(supply.tariff, ())}
    tariffs = Tariffs(records, supply.said_days, shard.holidays, shard.revisions)
    days = supply.said_days
    begun = [each for each in tariffs.versions(supply.tariff) if each.effective < days.end]
    # Of those before the first day only the newest is in force.
    superseded = sum(version.effective <= days.first for version in begun[1:])
    if not begun:
        return supply.blocks
    return {name for version in begun[superseded:] for name in inputs_of(version)}


def _unbilled(account: OpenAccount, bills: Sequence[Previewed], shard: Shard) -> NewUnbilled:
    unbilled: dict[int, Unbilled] = {}
    series: set[str] = set()
    until: date | None = None
    for work, new in bills:
        if new.bill.holds and not new.bill.lines:
            firsts = (
                _first_incomplete(supply, _inputs_read(shard, supply)) for supply in work.supplies
            )
            until = min([*filter(None, firsts), until or date.max])
        lines = [entry.line for entry in new.bill.lines]
        holds = tuple(dict.fromkeys(hold.code for hold in new.bill.holds))
        numbers = list(new.line_numbers())
        for rated_part, supply, (first, end) in zip(new.parts, work.supplies, numbers, strict=True):
            days = supply.said_days
            charges = by_day(lines[first - 1 : end - 1], days, supply.blocks)
            span = (days.first, days.end)
            more = Unbilled(rated_part.occupancy_id, span, new.bill.currency, charges, holds)
            _add(unbilled, more)
        # What it carries of earlier bills is none of its days'.
        if numbers and lines[numbers[-1][1] - 1 :]:
            supply = work.supplies[0]
            days = supply.said_days
            charges = by_day(lines[numbers[-1][1] - 1 :], days, {})
            span = (days.first, days.end)
            _add(unbilled, Unbilled(supply.occupancy_id, span, new.bill.currency, charges))
        series |= {name for stamp in new.stamps.values() for name in stamp.series}
    until = None if until == date.max else until
    return NewUnbilled(account, tuple(unbilled.values()), frozenset(series), until)


def _add(unbilled: dict[int, Unbilled], more: Unbilled) -> None:
    before = unbilled.get(more.occupancy_id)
    unbilled[more.occupancy_id] = more if before is None else before.with_more(more)
