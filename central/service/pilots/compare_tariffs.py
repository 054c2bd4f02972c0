"""What an account's own use would have cost under the tariffs that are offered. Nothing is billed.

Every agreement of the account is rated month by month under what it has agreed and under each
offered tariff, as if that had held from the first day on: banks, peaks and sums begin with nothing
for all of them. A tariff that counts other things than the agreed one is not compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog

from central.domain.billing.billing_settings import OFFERED_MAX
from central.domain.metering.block import DayBlock
from central.domain.metering.tariff_input import input_of
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.pilot import PilotSide
from central.domain.tariff.inputs_read import inputs_read
from central.domain.tariff.version import TariffVersion
from central.service.billing.tariffs import Tariffs
from central.service.billing.unrated import rating_failed
from central.service.ingest.error_fields import error_fields
from central.service.pilots.inputs import tariffs_of, with_blocks
from central.service.pilots.rate_members import NOT_COMPARABLE, billed_kwh, rate_under
from central.service.ports.pilots import PilotMember, PilotScope, PilotStore

_log = structlog.get_logger(__name__)

MONTHS_MAX = 12


@dataclass(frozen=True, slots=True)
class BilledMonths:
    """What some months come to under a tariff.

    Args:
        currency: ISO 4217; "" where they could not be rated.
        total: Of all. [currency]
        kwh: Energy that was charged for. [kWh]
        held: Codes that say why they could not be rated.
    """

    currency: str = ""
    total: Decimal = Decimal(0)
    kwh: Decimal = Decimal(0)
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TariffCost:
    """What an agreement's use costs under a tariff.

    Args:
        tariff: Its name.
        title: As invoices print it; its name where it has none.
        agreed: Whether the agreement has it.
        currency: ISO 4217; "" where it could not be rated.
        total: Of all months. [currency]
        difference: What it would be more than under the agreed one; None where that could not be
            rated. [currency]
        held: Codes that say why it could not be rated, or not be compared.
    """

    tariff: str
    title: str
    agreed: bool
    currency: str = ""
    total: Decimal = Decimal(0)
    difference: Decimal | None = None
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgreementCosts:
    """An agreement under several tariffs.

    Args:
        point: Name of the service point.
        service: Name of what is sold there.
        days: That were compared.
        kwh: That the agreed tariff charged. [kWh]
        costs: The cheapest first, then those that could not be rated.
    """

    point: str
    service: str
    days: DayRange
    kwh: Decimal
    costs: tuple[TariffCost, ...]

    def rows(self) -> list[dict[str, Any]]:
        """As rows of a table; numbers as strings, exact."""
        return [
            {
                "point": self.point,
                "service": self.service,
                "first": self.days.first.isoformat(),
                "end": self.days.end.isoformat(),
                "tariff": cost.tariff,
                "title": cost.title,
                "agreed": cost.agreed,
                "total": "" if cost.held else str(cost.total),
                "difference": "" if cost.difference is None else str(cost.difference),
                "currency": cost.currency,
                "held": " ".join(cost.held),
            }
            for cost in self.costs
        ]


class CompareTariffs:
    """The use-case. It reads, and keeps nothing.

    Args:
        store: Where agreements, days and tariffs are read.
        clock: Now, aware.
    """

    def __init__(
        self, store: PilotStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    def whole_months(self, count: int = MONTHS_MAX) -> DayRange:
        """The last calendar months that are over for everybody, as many as asked for."""
        end = (self._clock().date() - timedelta(days=1)).replace(day=1)
        return DayRange(months_before(end, count), end)

    async def __call__(
        self, account: str, offered: Sequence[str], days: DayRange
    ) -> tuple[AgreementCosts, ...]:
        """The agreements of an account on some days, each under what it has and what is offered.

        Args:
            account: Number.
            offered: Names of tariffs; those that there are none of are left out.
            days: Local.
        """
        compared = []
        async with self._store.transaction() as work:
            scope = PilotScope(account=account)
            members = (await work.members(PilotSide.PILOT, scope, days)).members
            names = {*offered[:OFFERED_MAX], *(each.tariff for each in members)}
            tariffs = await tariffs_of(work, names, days)
            async for member, blocks in with_blocks(work, members, tariffs, days):
                fitting = _fitting(member, offered, tariffs)
                rated = {name: _billed(member, name, tariffs, blocks) for name in fitting}
                compared.append(_agreement(member, tariffs, rated))
        return tuple(compared)


def _billed(
    member: PilotMember, name: str, tariffs: Tariffs, blocks: Mapping[int, Sequence[DayBlock]]
) -> BilledMonths:
    if name in tariffs.refused:
        return BilledMonths(held=(tariffs.refused[name].code,))
    try:
        rated = rate_under(member, name, tariffs, blocks)
    except Exception as error:  # noqa: BLE001 - what one tariff does, others do not pay
        _log.error("tariff_not_rated", account=member.account, tariff=name, **error_fields(error))
        return BilledMonths(held=(rating_failed(error).code,))
    holds = [hold.code for bill in rated.bills for hold in bill.holds]
    currencies = {bill.currency for bill in rated.bills}
    if holds or len(currencies) != 1:
        return BilledMonths(held=tuple(dict.fromkeys(holds or [NOT_COMPARABLE])))
    return BilledMonths(currencies.pop(), rated.total, billed_kwh(rated.bills))


def months_before(day: date, count: int) -> date:
    """The first day of the month that is so many months before that of a day."""
    months = day.year * 12 + day.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)


def _fitting(member: PilotMember, offered: Sequence[str], tariffs: Tariffs) -> list[str]:
    """The agreed tariff, and those offered that count what it counts and is counted here."""
    counted = {input_of(obis) for obis in member.channels.values()}
    agreed = inputs_read(_newest(tariffs, member.tariff))
    media = {_is_volume(name) for name in agreed}
    fits = [
        name
        for name in offered[:OFFERED_MAX]
        if name != member.tariff
        and (versions := tariffs.versions(name))
        and versions[-1].document.zone == member.zone
        and (read := inputs_read(versions[-1:])) <= counted
        and {_is_volume(each) for each in read} == media
    ]
    return [member.tariff, *dict.fromkeys(fits)]


def _newest(tariffs: Tariffs, name: str) -> Sequence[TariffVersion]:
    return tariffs.versions(name)[-1:]


def _is_volume(name: str) -> bool:
    return name == "m3"


def _agreement(
    member: PilotMember, tariffs: Tariffs, rated: dict[str, BilledMonths]
) -> AgreementCosts:
    agreed = rated[member.tariff]
    costs = [_cost(name, one, agreed, member, tariffs) for name, one in rated.items()]
    costs.sort(key=lambda cost: (bool(cost.held), cost.total, cost.tariff))
    return AgreementCosts(member.point, member.service, member.days, agreed.kwh, tuple(costs))


def _cost(
    name: str, one: BilledMonths, agreed: BilledMonths, member: PilotMember, tariffs: Tariffs
) -> TariffCost:
    versions = tariffs.versions(name)
    title = (versions[-1].document.title if versions else None) or name
    is_agreed = name == member.tariff
    held = one.held
    if not held and not agreed.held and one.currency != agreed.currency:
        held = (NOT_COMPARABLE,)
    if held:
        return TariffCost(name, title, is_agreed, held=held)
    difference = None if agreed.held else one.total - agreed.total
    return TariffCost(name, title, is_agreed, one.currency, one.total, difference)
