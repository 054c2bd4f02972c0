"""What accounts used and what it costs so far, from readings as they are stored just now.

Days that are not closed yet are made of their readings as validation makes them, and not kept;
what is not over yet counts as nothing. The cost is what a bill of the days so far would say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import groupby

import numpy as np

from central.domain.alerts.alert_rule import AlertSubject
from central.domain.billing.unbilled import by_day
from central.domain.metering.block import DayBlock
from central.domain.metering.display_unit import display_unit
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.rating.inputs.input_series import POWERS, billing_scale
from central.domain.rating.rounding import printed
from central.service.billing.preview_bills import Previewed, preview_bills
from central.service.billing.rate_accounts import IMPORT
from central.service.ports.so_far import OpenDays, RunningAccount, SoFarStore
from central.service.ports.stamps import VALIDATION_PENDING
from central.service.ports.validation import PointChannelId, ValidationStore
from central.service.so_far.open_days import open_days
from firmware_bridge.contract.errors import OperatorError
from firmware_bridge.contract.obis import Obis

TOGETHER = 100
"""How many accounts are rated together."""
ACCOUNTS_MOST = 2_000
"""How many accounts are summed at once."""

_PASSES = {VALIDATION_PENDING}
"""What holds a bill and says nothing here: readings that just came wait for validation."""

_DAY = timedelta(days=1)


class TooManyAccountsError(OperatorError):
    """So many accounts are not rated for a question."""

    code = "TOO_MANY_ACCOUNTS"
    default_remedy = "`unbilled charges` has what was kept of all of them last night."


class SoFarBy(StrEnum):
    """What a row of figures is of."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(slots=True)
class PointSoFar:
    """What a service point used so far, by local day and by hour.

    Args:
        unit: Of both.
        days: By day. [unit]
        hours: By the start of the hour, UTC. [unit]
        until: The end of the last interval that has a value; None where none has.
    """

    unit: str = ""
    days: dict[date, Fraction] = field(default_factory=dict)
    hours: dict[datetime, Fraction] = field(default_factory=dict)
    until: datetime | None = None


@dataclass(slots=True)
class AccountSoFar:
    """What an account used and what it costs so far, of days that no issued bill says.

    Args:
        account: Number.
        today: Local day that goes on.
        currency: ISO 4217 letters; "" where nothing could be rated.
        cost: By local day. [currency]
        points: By service point.
        holds: Codes of what would hold the bill.
    """

    account: str
    today: date
    currency: str = ""
    cost: dict[date, Decimal] = field(default_factory=dict)
    points: dict[str, PointSoFar] = field(default_factory=dict)
    holds: tuple[str, ...] = ()

    def usage(self, point: str | None = None) -> dict[date, Decimal]:
        """Use by local day, of a service point or of all. [unit]."""
        days: dict[date, Fraction] = {}
        for name, of_point in self.points.items():
            if point in {None, name}:
                for day, value in of_point.days.items():
                    days[day] = days.get(day, Fraction(0)) + value
        return {day: printed(value) for day, value in sorted(days.items())}


class SoFar:
    """The use-case.

    Args:
        store: Where accounts are read.
        validation: Where readings are.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: SoFarStore,
        validation: ValidationStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._validation = validation
        self._clock = clock

    async def __call__(self, kind: AlertSubject, subject: str) -> list[AccountSoFar]:
        """The figures of an account, of each account of a group, or of a service point's account.

        Raises:
            NotRegisteredError: There is none of that name.
            StoreUnavailableError: Ask again.
        """
        at = self._clock()
        accounts = await self._store.running(kind, subject, at.date())
        figures: list[AccountSoFar] = []
        for begin in range(0, len(accounts), TOGETHER):
            figures += await self._some(accounts[begin : begin + TOGETHER], at)
        return figures

    async def summed(
        self, kind: AlertSubject, subject: str, by: SoFarBy
    ) -> list[dict[str, object]]:
        """What all accounts of a group or a tariff come to, as JSON objects in order of time.

        Raises:
            NotRegisteredError: There is none of that name.
            TooManyAccountsError: They are too many to be rated for a question.
            StoreUnavailableError: Ask again.
        """
        accounts = await self._store.running(kind, subject, self._clock().date())
        if len(accounts) > ACCOUNTS_MOST:
            message = f"{kind.value} {subject!r} has {len(accounts)} accounts, more than"
            raise TooManyAccountsError(f"{message} {ACCOUNTS_MOST}.", value=len(accounts))
        return sum_rows(await self(kind, subject), by)

    async def _some(self, accounts: Sequence[RunningAccount], at: datetime) -> list[AccountSoFar]:
        channels = sorted({key for account in accounts for key in account.channels})
        open_days, until, today = await self._open_days(channels, at)
        last = max(today.values(), default=at.date())
        ends = {
            account.id: max((today[key] for key in account.channels if key in today), default=last)
            + _DAY
            for account in accounts
        }
        async with self._store.previewing(ends, open_days, at) as work:
            previews = await preview_bills(work, ends, at)
            return [
                _figures(
                    account.number, ends[account.id] - _DAY, previews.get(account.id, ()), until
                )
                for account in accounts
            ]

    async def _open_days(
        self, channels: Sequence[PointChannelId], at: datetime
    ) -> tuple[OpenDays, Mapping[str, datetime], Mapping[PointChannelId, date]]:
        """Blocks of days that are not closed, until when points have values, and the local day."""
        blocks: dict[str, list[tuple[Obis, DayBlock]]] = {}
        until: dict[str, datetime] = {}
        opened, today = await open_days(self._validation, channels, at)
        for day in opened:
            block, end = _so_far(day.block)
            name = day.channel.point.name
            blocks.setdefault(name, []).append((day.channel.obis, block))
            if end is not None:
                until[name] = max(end, until.get(name, end))
        return blocks, until, today


def _so_far(block: DayBlock) -> tuple[DayBlock, datetime | None]:
    """A day with nothing after its last value, and when that ended."""
    there = np.flatnonzero(block.values != NULL)
    count = int(there[-1]) + 1 if len(there) else 0
    values, quality = block.values.copy(), block.quality.copy()
    values[count:] = 0
    quality[count:] = IntervalQuality.ACTUAL
    end = block.start + timedelta(seconds=block.period_s * count) if count else None
    return replace(block, values=values, quality=quality), end


def _figures(
    number: str, today: date, bills: Sequence[Previewed], until: Mapping[str, datetime]
) -> AccountSoFar:
    figures = AccountSoFar(number, today)
    holds: list[str] = []
    for work, new in bills:
        lines = [entry.line for entry in new.bill.lines]
        figures.currency = figures.currency or (new.bill.currency if lines else "")
        holds += [hold.code for hold in new.bill.holds if hold.code not in _PASSES]
        numbers = list(new.line_numbers())
        for supply, (first, end) in zip(work.supplies, numbers, strict=True):
            shared = by_day(lines[first - 1 : end - 1], supply.said_days, supply.blocks)
            for day, charges in shared.items():
                before = figures.cost.get(day, Decimal(0))
                figures.cost[day] = before + sum(charges.values(), Decimal(0))
            of_point = figures.points.setdefault(supply.point, PointSoFar())
            of_point.until = until.get(supply.point)
            _add_use(of_point, supply.blocks.get(IMPORT, ()))
    figures.holds = tuple(dict.fromkeys(holds))
    figures.cost = dict(sorted(figures.cost.items()))
    return figures


def _add_use(point: PointSoFar, blocks: Sequence[DayBlock]) -> None:
    for block in blocks:
        scale = billing_scale(block)
        point.unit = point.unit or display_unit(POWERS.get(block.unit, block.unit)).name
        values = np.where(block.values == NULL, 0, block.values).tolist()
        point.days[block.day] = point.days.get(block.day, Fraction(0)) + sum(values) * scale
        starts = (
            block.start + timedelta(seconds=block.period_s * place) for place in range(len(values))
        )
        hours = (
            (at.replace(minute=0, second=0), value)
            for at, value in zip(starts, values, strict=True)
        )
        for hour, of_hour in groupby(hours, lambda pair: pair[0]):
            total = sum(value for _, value in of_hour) * scale
            point.hours[hour] = point.hours.get(hour, Fraction(0)) + total


def rows_of(figures: AccountSoFar, by: SoFarBy) -> list[dict[str, object]]:
    """An account's figures as JSON objects, in order of time; numbers as strings, exact.

    Args:
        figures: Of the account.
        by: What a row is of. Cost has no hours.
    """
    unit = next((each.unit for each in figures.points.values()), "")
    if by is SoFarBy.HOUR:
        hours: dict[datetime, Fraction] = {}
        for of_point in figures.points.values():
            for at, used in of_point.hours.items():
                hours[at] = hours.get(at, Fraction(0)) + used
        return [
            {"from": at.isoformat(), "usage": str(printed(used)), "unit": unit}
            for at, used in sorted(hours.items())
        ]
    usage: dict[str, Decimal] = {}
    cost: dict[str, Decimal] = {}
    for series, sums in ((figures.usage(), usage), (figures.cost, cost)):
        for day, value in series.items():
            name = day.isoformat()[: 7 if by is SoFarBy.MONTH else 10]
            sums[name] = sums.get(name, Decimal(0)) + value
    return [
        {
            "from": name,
            "usage": str(usage.get(name, Decimal(0))),
            "unit": unit,
            "cost": str(cost.get(name, Decimal(0))),
            "currency": figures.currency,
            "holds": list(figures.holds),
        }
        for name in sorted(usage.keys() | cost.keys())
    ]


def sum_rows(figures: Sequence[AccountSoFar], by: SoFarBy) -> list[dict[str, object]]:
    """What accounts come to together as JSON objects, in order of time; numbers as strings, exact.

    Args:
        figures: Of the accounts.
        by: What a row is of. Cost has no hours.
    """
    currencies = {account.currency for account in figures if account.currency}
    # What cannot be rated yet has none, and counts with the others where they have one.
    common = currencies.pop() if len(currencies) == 1 else ""
    sums: dict[tuple[str, str, str], tuple[list[Decimal], list[int]]] = {}
    for account in figures:
        for row in rows_of(account, by):
            currency = "" if by is SoFarBy.HOUR else account.currency or common
            key = str(row["from"]), str(row["unit"]), currency
            amounts, counts = sums.setdefault(key, ([Decimal(0), Decimal(0)], [0, 0]))
            amounts[0] += Decimal(str(row["usage"]))
            amounts[1] += Decimal(str(row.get("cost", 0)))
            counts[0] += 1
            counts[1] += bool(account.holds)
    rows: list[dict[str, object]] = []
    for (begin, unit, currency), ((usage, cost), (accounts, held)) in sorted(sums.items()):
        money = {} if by is SoFarBy.HOUR else {"cost": str(cost), "currency": currency}
        used = {"from": begin, "usage": str(usage), "unit": unit}
        rows.append({**used, **money, "accounts": accounts, "held": held})
    return rows
