"""An account that nets what it sells, three issued months, and data that come late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from central.adapters.timescale.billing.correction_limits import TimescaleCorrectionLimits
from central.adapters.timescale.billing.corrections import TimescaleCorrections
from central.domain.billing.bill import Party
from central.domain.billing.correction_limit import LimitCause, LimitTerms
from central.service.billing.correct_bills import CorrectBills
from central.service.billing.correction_limits import CorrectionLimits
from central.service.ports.billing import BillRecord
from central.service.ports.correction_limits import LimitScope
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import OPERATOR
from tests.support.books import Utility, pool_of, timescale_utility
from tests.support.daily_books import DAY, bill, found, measured, sells, settle
from tests.support.servers import MIGRATED, Template, filled

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = (date(2026, month, 1) for month in range(8, 13))
MONTHS = ("2026-08", "2026-09", "2026-10")
NET = """\
tariff: NET
effective: 2026-01-01
zone: UTC
currency: {code: EUR, digits: 2}
series: {net: {expr: import - export}}
determinants: {netted: {sum: net, bank: saved, netting: month}}
charges: [{id: energy, qty: netted, price: 0.30}]
banks: {saved: {unit: kWh}}
taxes: [{id: vat, percent: 21, of: [all], point: interval}]
"""
NEEDS_FACT = """\
tariff: NET
effective: 2026-09-01
zone: UTC
currency: {code: EUR, digits: 2}
cycle: {normal_days: 30}
needs: {contracted: kW}
determinants: {kwh: {sum: import}}
charges: [{id: energy, qty: kwh, price: 0.30}, {id: power, qty: contracted, price: 2, per: month}]
"""
ISSUED_AT = datetime.fromisoformat("2026-11-20T13:00:00+00:00")
"""What the clock shows behind three issued months, whose days came an hour before."""
USED, SOLD = (10, 20, 10), (20, 10, 0)
"""kWh a day, by month."""
Figures = dict[str, tuple[str, ...]]


@dataclass
class Corrected:
    """A utility, and its use-cases of corrections."""

    utility: Utility
    correct: CorrectBills


@asynccontextmanager
async def corrected_utility(dsn: str) -> AsyncIterator[Corrected]:
    """A utility on a store, with what corrects its bills."""
    async with timescale_utility(dsn) as utility:
        pool = pool_of(utility)
        yield Corrected(utility, CorrectBills(TimescaleCorrections(pool), lambda: utility.now))


async def netting(utility: Utility, number: int = 1, since: date = AUGUST) -> None:
    """An account A-n at SP-n under NET; its channels are 2n-1 (import) and 2n (export)."""
    if number == 1:
        await found(utility, 0)
        await utility.enrol.tariff(NET)
    enrol = utility.enrol
    await enrol.service_point(
        PointRecord(f"SP-{number}", "UTC"),
        PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR),
    )
    await enrol.service_point(PointRecord(f"SP-{number}", "UTC"), sells())
    await enrol.account(AccountRecord(f"A-{number}", Party(f"Customer {number}")))
    await enrol.agreement(AgreementRecord(f"A-{number}", f"SP-{number}", "NET", since))


async def metered(utility: Utility, first: date, used: int, sold: int, number: int = 1) -> None:
    """So many kWh a day of a month, used and sold."""
    end = (first + 31 * DAY).replace(day=1)
    await measured(utility, first, end, 2 * number - 1, wh=used * 1000)
    await measured(utility, first, end, 2 * number, wh=sold * 1000)


async def late(utility: Utility, day: date, wh: int, channel: int = 1, version: int = 2) -> None:
    """A day is another than it was."""
    await measured(utility, day, day + DAY, channel, wh=wh, version=version)


async def three_months(utility: Utility, used: tuple[int, int, int], sold: tuple[int, ...]) -> None:
    """August to October metered and issued."""
    utility.now = ISSUED_AT - timedelta(hours=1)
    await netting(utility)
    for number, first in enumerate((AUGUST, SEPTEMBER, OCTOBER)):
        await metered(utility, first, used[number], sold[number])
    utility.now = ISSUED_AT
    for period in MONTHS:
        await settle(utility, period)


async def _netted(dsn: str) -> None:
    async with timescale_utility(dsn) as utility:
        await three_months(utility, USED, SOLD)


async def _unbanked(dsn: str) -> None:
    async with timescale_utility(dsn) as utility:
        await three_months(utility, (20, 20, 10), (10, 10, 0))


NETTED = Template("template_netted", filled(_netted), MIGRATED)
"""August to October issued under NET, of USED and SOLD: a bank that later months draw from."""
UNBANKED = Template("template_unbanked", filled(_unbanked), MIGRATED)
"""The same of an account that uses 10 kWh a day more than it sells, in each month."""


async def figures(utility: Utility, account: str, period: str) -> list[tuple[str, str]]:
    """Charges and amounts of an account's bill."""
    record = await bill(utility, account, period)
    return [(entry.line.id, f"{entry.line.amount:.2f}") for entry in record.bill.lines]


async def total_of(utility: Utility, account: str, *periods: str) -> Decimal:
    """What the bills of some periods come to together."""
    records: list[BillRecord] = [await bill(utility, account, period) for period in periods]
    return sum((record.bill.amounts.billed for record in records), Decimal(0))


async def limited(
    utility: Utility, terms: LimitTerms, group: str | None = None, cause: LimitCause | None = None
) -> int:
    """Enter a limit that holds from the new year on; its revision."""
    store = TimescaleCorrectionLimits(pool_of(utility))
    limits = CorrectionLimits(store, lambda: utility.now)
    since, scope = date(2026, 1, 1), LimitScope(group, cause)
    return await limits.enter(terms, OPERATOR, "law in force", since, scope)
