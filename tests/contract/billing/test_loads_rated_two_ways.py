"""A real load billed through readings, validation and a bill says what rating it directly says.

Clean months, a meter that is exchanged, a register that starts again at zero, and both months of a
clock change in three zones, the seasons of one of them turned round. Every line is compared, its
quantity exactly. Three silent days: `test_gap_of_a_real_load.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest

from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.domain.metering.installation import RegisterFacts
from central.domain.tariff.load.document import load_tariff
from central.service.billing.run_bills import RunBills
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.rating.load_blocks import RatingRequest
from central.service.rating.rate_file import rate_months
from firmware_bridge.contract.interval import day_start
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Reading
from tests.support.actors import CLERK, noted
from tests.support.books import HOURLY, TARIFF, ZONE, Utility, timescale_utility
from tests.support.daily_books import bill
from tests.support.data import data_root
from tests.support.ingest import Edge, channel
from tests.support.servers import Database
from tests.support.size import sized

HOUR = timedelta(hours=1)
MADRID, NEW_YORK, SYDNEY = ZONE, "America/New_York", "Australia/Sydney"
# The soak bills other loads as well.
LOADS = ("load_residential.csv", "load_commercial.csv", "load_commercial_large.csv")
FILES = LOADS[: sized("METERLINE_LOADS_TWO_WAYS", 1, len(LOADS))]


@dataclass(frozen=True, slots=True)
class Case:
    """A month of a load at a point of its own.

    Args:
        number: Of point and account.
        zone: Of the point and its tariff.
        month: Which.
        exchanged: After how many hours another meter takes over; None for one meter.
        opening: What the first register shows at the beginning. [Wh]
        rolls: Whether it starts again at zero, once in the month.
    """

    number: int
    zone: str
    month: str
    exchanged: int | None = None
    opening: int = 5_000
    rolls: bool = False

    @property
    def cycle(self) -> Cycle:
        return Cycle.parse(self.month)

    @property
    def tariff(self) -> str:
        return f"HOME-{self.zone.replace('/', '-')}"

    @property
    def begin(self) -> datetime:
        return day_start(self.cycle.days.first, self.zone)

    @property
    def hours(self) -> int:
        return (day_start(self.cycle.days.end, self.zone) - self.begin) // HOUR

    def readings(self, used: Sequence[int]) -> list[Reading]:
        """What its meters show at each hour."""
        readings = []
        modulus = modulus_of(used) if self.rolls else None
        opening = self.opening if modulus is None else modulus - sum(used) // 2
        total, serial, since = opening, f"S{self.number}", 0
        for number in range(self.hours + 1):
            shown = total + sum(used[since:number])
            if modulus is not None:
                shown %= modulus
            of = channel(serial, period_s=HOURLY)
            readings.append(Reading(of, self.begin + number * HOUR, shown, 0))
            if number == self.exchanged:
                # The new one begins at another count, at the same instant.
                total, serial, since = 70, f"N{self.number}", number
                of = channel(serial, period_s=HOURLY)
                readings.append(Reading(of, self.begin + number * HOUR, total, 0))
        return readings


CASES = (
    Case(1, MADRID, "2026-06"),
    Case(2, MADRID, "2026-05", exchanged=301),
    Case(3, MADRID, "2026-05", rolls=True),
    Case(4, MADRID, "2026-03"),
    Case(5, MADRID, "2026-10"),
    Case(6, NEW_YORK, "2026-03"),
    Case(7, NEW_YORK, "2026-11"),
    Case(8, SYDNEY, "2026-04"),
    Case(9, SYDNEY, "2026-10"),
)


def modulus_of(used: Sequence[int]) -> int:
    """At what a register of a load starts again at zero. [Wh]."""
    return int(10 ** len(str(sum(used))))


def tariff_text(case: Case) -> str:
    return TARIFF.replace("tariff: HOME", f"tariff: {case.tariff}").replace(ZONE, case.zone)


def used_in(case: Case, file: str) -> list[int]:
    """What the load takes in each hour of the month. [Wh]."""
    lines = (data_root("loads") / file).read_text().split()
    first = (case.begin - datetime(case.cycle.year, 1, 1, tzinfo=UTC)) // HOUR
    values = [Decimal(line) for line in lines[first : first + case.hours]]
    return [int(value * 1000) for value in values]


async def enter(utility: Utility, case: Case, used: Sequence[int]) -> None:
    """A point, its meters, an account and an agreement for the month."""
    enrol, point, account = utility.enrol, f"SP-{case.number}", f"A-{case.number}"
    await enrol.tariff(tariff_text(case))
    await enrol.service_point(
        # Only what the connection could have carried proves that a register began anew.
        PointRecord(point, case.zone, "Calle 1", Decimal(max(used))),
        PointChannelRecord(ACTIVE_IMPORT, HOURLY, Unit.WATT_HOUR),
    )
    facts = RegisterFacts(Decimal(modulus_of(used)) if case.rolls else None)
    change = None if case.exchanged is None else case.begin + case.exchanged * HOUR
    first = InstallationRecord(
        *(point, "MTL", f"S{case.number}", case.begin, change),
        registers={ACTIVE_IMPORT: facts},
        gateway="gw-1",
    )
    await enrol.installation(first)
    if change is not None:
        second = InstallationRecord(point, "MTL", f"N{case.number}", change, gateway="gw-1")
        await enrol.installation(second)
    await enrol.account(AccountRecord(account, Party(account)))
    days = case.cycle.days
    await enrol.agreement(AgreementRecord(account, point, case.tariff, days.first, days.end))


@pytest.mark.parametrize("file", FILES)
async def test_readings_to_a_bill_say_what_direct_rating_says(
    file: str, migrated: Database
) -> None:
    async with timescale_utility(migrated.dsn) as utility:
        utility.now = datetime(2026, 12, 5, 9, tzinfo=UTC)
        edge = Edge("gw-1")
        await utility.gateways.enrol(edge.name, noted(utility.now))
        await utility.enrol.seller(Party("Sierra Power", ("Plaza 1",), "ESB1"))
        for case in CASES:
            used = used_in(case, file)
            await enter(utility, case, used)
            await utility.deliver(edge, case.readings(used))
        await utility.validate()
        for month in sorted({case.month for case in CASES}):
            await RunBills(utility.billing, lambda: utility.now)(Cycle.parse(month), CLERK)
        assert [case.hours for case in CASES] == [720, 744, 744, 743, 745, 743, 721, 721, 743]
        for case in CASES:
            record = await bill(utility, f"A-{case.number}", case.month)
            assert record.bill.state is BillState.DRAFT, (case, record.bill.holds)
            load = [Decimal(value) / 1000 for value in used_in(case, file)]
            start = datetime.combine(case.cycle.days.first, time())
            request = RatingRequest(start, 60, case.zone, "kWh")
            (direct,) = rate_months(load_tariff(tariff_text(case), file=file), load, request)
            lines = [entry.line for entry in record.bill.lines]
            assert [(line.id, line.label, line.quantity, line.amount) for line in lines] == [
                (line.id, line.label, line.quantity, line.amount) for line in direct.rated.lines
            ], case
            assert record.bill.amounts.billed == direct.amounts.total, case
            assert record.kwh == direct.kwh == sum(load), case
