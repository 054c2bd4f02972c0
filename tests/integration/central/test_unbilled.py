"""What is not billed yet is what a bill of the days so far would say, by day and charge."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from central.adapters.timescale.billing.unbilled import TimescaleUnbilled
from central.adapters.timescale.knowledge import as_of
from central.domain.billing.bill import Party, RunType
from central.domain.billing.state import BillState
from central.domain.rating.rounding import half_away
from central.domain.vee.notices import VALIDATION_FAILED
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.unbilled_revenue import UnbilledRevenue
from central.service.knowledge_time import KnowledgeTime
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    NotRegisteredError,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.unbilled import AccountUnbilled
from central.service.ports.validation import ChannelDay, PointChannelId
from central.service.views.paging import CursorError
from firmware_bridge.contract.obis import ACTIVE_IMPORT, Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Reading
from tests.support.actors import CHIEF
from tests.support.books import HOURLY, TARIFF, Utility, month, pool_of, timescale_utility
from tests.support.daily_books import bill, run
from tests.support.ingest import Edge
from tests.support.servers import MIGRATED, Database, Template, filled

DAYS = 10
_EXPORT = Obis.parse("1-0:2.8.0*255")
MIDDLE = datetime(2026, 10, 11, 6, tzinfo=UTC)
HOURS = 24


async def _fill(dsn: str) -> None:
    async with timescale_utility(dsn) as utility:
        utility.now = MIDDLE
        edge = await utility.found(customers=2, period_s=HOURLY)
        for serial in ("S1", "S2"):
            readings = month(serial, step=25, period_s=HOURLY)[: DAYS * HOURS + 1]
            await utility.deliver(edge, readings)
        await utility.validate()


pytestmark = pytest.mark.begins_with(Template("template_unbilled", filled(_fill), MIGRATED))


@dataclass
class Accruing:
    """A utility in the middle of a month."""

    utility: Utility
    store: TimescaleUnbilled

    @property
    def unbilled(self) -> UnbilledRevenue:
        return UnbilledRevenue(self.store, lambda: self.utility.now)

    async def of(self, account: str) -> list[AccountUnbilled]:
        return list((await self.store.accounts(None, 100, account)).rows)


def _edge() -> Edge:
    """The gateway, started anew."""
    return Edge("gw-1")


@pytest.fixture
async def accruing(migrated: Database) -> AsyncIterator[Accruing]:
    async with timescale_utility(migrated.dsn) as utility:
        utility.now = MIDDLE
        yield Accruing(utility, TimescaleUnbilled(pool_of(utility)))


async def test_it_is_what_the_bill_of_these_days_says_to_the_cent(accruing: Accruing) -> None:
    utility = accruing.utility
    tally = await accruing.unbilled.refresh()
    assert (tally.looked, tally.rated, tally.days, tally.held) == (2, 2, 2 * DAYS, 0)
    (kept,) = await accruing.of("A-1")
    assert (kept.first, kept.end, kept.holds) == (date(2026, 10, 1), date(2026, 10, 11), ())
    # The customer leaves, and these very days are billed.
    leaves = AgreementRecord(
        "A-1", "SP-1", "HOME", date(2026, 9, 1), date(2026, 10, 11), billing_from=date(2026, 10, 1)
    )
    await utility.enrol.agreement(leaves)
    await run(utility, "2026-10", RunType.FINAL)
    record = await bill(utility, "A-1", "2026-10")
    assert record.bill.days.end == kept.end
    assert record.bill.amounts.billed == kept.amount > 0
    days = (await accruing.store.days("A-1", None, 100)).rows
    assert len(days) == DAYS
    lines: dict[str, Decimal] = {}
    for day in days:
        for charge, amount in day.charges.items():
            lines[charge] = lines.get(charge, Decimal(0)) + amount
    said: dict[str, Decimal] = {}
    for entry in record.bill.lines:
        said[entry.line.id] = said.get(entry.line.id, Decimal(0)) + entry.line.amount
    assert lines == said
    # A day of work has four dear hours of 100 Wh: 0.12 and 0.20; a day of rest none.
    assert {day.day.weekday() >= 5: day.charges["energy"] for day in days} == {
        False: Decimal("0.32"),
        True: Decimal("0.24"),
    }


async def test_only_what_changed_is_rated_and_only_other_days_are_written(
    accruing: Accruing,
) -> None:
    utility, unbilled = accruing.utility, accruing.unbilled
    await unbilled.refresh()
    first_known = utility.now
    before = (await accruing.of("A-2"))[0].amount
    utility.now += timedelta(minutes=10)
    assert (await unbilled.refresh()).rated == 0
    # Another day of one customer is over.
    utility.now += timedelta(days=1)
    more = month("S2", step=25, period_s=HOURLY)[DAYS * HOURS + 1 : (DAYS + 1) * HOURS + 1]
    await utility.deliver(_edge(), more)
    await utility.validate()
    tally = await unbilled.refresh()
    # The other customer's day is over as well, and nothing came of it: what was rated stays. A cent
    # of tax may move to another day.
    assert (tally.rated, tally.held) == (2, 1)
    assert 1 <= tally.days <= 4
    (kept,) = await accruing.of("A-2")
    assert kept.end == date(2026, 10, 12)
    (held,) = await accruing.of("A-1")
    assert (held.amount, held.holds, held.end) == (before, ("MISSING_INTERVALS",), kept.end)
    assert (await unbilled.refresh()).rated == 0
    # What was known then is known still.
    past = TimescaleUnbilled(as_of(pool_of(utility), KnowledgeTime(first_known)))
    (then,) = (await past.accounts(None, 9, "A-2")).rows
    assert (then.amount, then.end) == (before, date(2026, 10, 11))
    assert len((await past.days("A-2", None, 99)).rows) == DAYS


async def test_days_stay_unbilled_until_their_bill_is_issued(accruing: Accruing) -> None:
    utility, unbilled = accruing.utility, accruing.unbilled
    utility.now = datetime(2026, 11, 2, 6, tzinfo=UTC)
    for serial in ("S1", "S2"):
        whole = month(serial, step=25, period_s=HOURLY)
        await utility.deliver(_edge(), whole[DAYS * HOURS + 1 :])
    await utility.validate()
    # No run yet: October comes to a bill of its own, and the first of November is missing.
    await unbilled.refresh()
    (early,) = await accruing.of("A-1")
    assert (early.end, early.holds) == (date(2026, 11, 2), ("MISSING_INTERVALS",))
    summary = await run(utility, "2026-10")
    utility.now += timedelta(minutes=1)
    await unbilled.refresh()
    (drafted,) = await accruing.of("A-1")
    record = await bill(utility, "A-1", "2026-10")
    assert record.bill.amounts.billed == early.amount == drafted.amount
    approved = await ApproveBills(utility.billing, lambda: utility.now).run(summary.run, CHIEF)
    assert not approved.refused
    utility.now += timedelta(minutes=1)
    await unbilled.refresh()
    assert (await accruing.of("A-1"))[0].amount == early.amount
    assert {head.state for head in await utility.billing.heads(summary.run)} == {BillState.APPROVED}
    await IssueBills(utility.billing, lambda: utility.now).run(summary.run, CHIEF)
    utility.now += timedelta(minutes=1)
    await unbilled.refresh()
    (left,) = await accruing.of("A-1")
    assert (left.first, left.amount) == (date(2026, 11, 1), Decimal(0))


async def test_a_subscription_accrues_day_by_day(accruing: Accruing) -> None:
    utility, enrol = accruing.utility, accruing.utility.enrol
    fee = "charges: [{id: fee, price: 0.50, per: day}]"
    heading = TARIFF[: TARIFF.index("calendar:")].replace("HOME", "FEE")
    taxes = TARIFF[TARIFF.index("taxes:") :]
    await enrol.tariff(f"{heading}{fee}\n{taxes}")
    await enrol.service_point(PointRecord("SUB-1", "Europe/Madrid"))
    await enrol.account(AccountRecord("A-9", Party("Ada")))
    await enrol.agreement(AgreementRecord("A-9", "SUB-1", "FEE", date(2026, 10, 1)))
    for days in (10, 13):
        utility.now = datetime(2026, 10, 1 + days, 6, tzinfo=UTC)
        await accruing.unbilled.refresh()
        (kept,) = await accruing.of("A-9")
        assert (kept.end, kept.amount) == (
            utility.now.date(),
            half_away(Fraction(days * 605, 1000), 2),
        )


async def test_what_holds_a_period_leaves_the_next_its_amounts(accruing: Accruing) -> None:
    utility = accruing.utility
    whole = month("S1", step=25, period_s=HOURLY)
    last, hour = whole[-1], timedelta(hours=1)
    more = [
        replace(last, at=last.at + number * hour, mantissa=last.mantissa + 25 * number)
        for number in range(1, 2 * HOURS + 1)
    ]
    utility.now = datetime(2026, 11, 3, 6, tzinfo=UTC)
    await utility.deliver(_edge(), [*whole[DAYS * HOURS + 1 :], *more])
    await utility.validate()
    await accruing.unbilled.refresh("A-1")
    (before,) = await accruing.of("A-1")
    assert (before.end, before.holds) == (date(2026, 11, 3), ())
    async with utility.validation.transaction() as work:
        channel, day = PointChannelId(1), date(2026, 10, 5)
        await work.lock([channel])
        (block,) = await work.days_of(channel, day, day + timedelta(days=1))
        finding = VALIDATION_FAILED.finding(block.interval, "a division by zero", {})
        await work.raise_findings({ChannelDay(channel, day): (finding,)}, utility.now)
    utility.now += hour
    await accruing.unbilled.refresh("A-1")
    (after,) = await accruing.of("A-1")
    assert after.holds == ("VALIDATION_FAILED",)
    assert (after.end, after.amount) == (before.end, before.amount)


async def test_pages_and_sums_are_those_of_all_accounts(accruing: Accruing) -> None:
    await accruing.unbilled.refresh()
    store = accruing.store
    first = await store.accounts(None, 1)
    second = await store.accounts(first.after, 1)
    assert [row.account for row in (*first.rows, *second.rows)] == ["A-1", "A-2"]
    assert second.after is None
    head = await store.days("A-1", None, 4)
    rest = await store.days("A-1", head.after, 100)
    assert (len(head.rows), len(rest.rows)) == (4, DAYS - 4)
    totals = {row.charge: (row.accounts, row.amount) for row in await store.charges()}
    assert totals.keys() == {"customer", "energy", "vat"}
    assert sum(amount for _, amount in totals.values()) == 2 * first.rows[0].amount
    assert totals["energy"][0] == 2
    for asks in (store.accounts(None, 1, "A-9"), store.days("A-9", None, 1)):
        with pytest.raises(NotRegisteredError):
            await asks
    with pytest.raises(NotRegisteredError):
        await accruing.unbilled.refresh("A-9")
    with pytest.raises(CursorError):
        await store.days("A-1", first.after, 1)


async def test_only_what_its_tariff_reads_ends_what_can_be_rated(accruing: Accruing) -> None:
    utility, edge = accruing.utility, _edge()

    def so_far(serial: str, day: int, obis: Obis = ACTIVE_IMPORT) -> list[Reading]:
        """What was read so far, without six hours of a day."""
        read = month(serial, gaps={(day - 1) * HOURS + 5: 6}, period_s=HOURLY)
        return [
            replace(reading, channel=replace(reading.channel, obis=obis))
            for reading in read
            if reading.at <= MIDDLE
        ]

    for number in (3, 4):
        await utility.customer(number, period_s=HOURLY)
        await utility.deliver(edge, so_far(f"S{number}", 7))
    # What the third feeds in lacks hours of an earlier day, and nobody bills it.
    point = PointRecord("SP-3", "Europe/Madrid", "Calle 1")
    await utility.enrol.service_point(point, PointChannelRecord(_EXPORT, HOURLY, Unit.WATT_HOUR))
    await utility.deliver(edge, so_far("S3", 3, _EXPORT))
    await utility.validate()
    await accruing.unbilled.refresh()
    ((third,), (fourth,)) = (await accruing.of("A-3"), await accruing.of("A-4"))
    assert third.amount == fourth.amount > 0
    assert third.holds == fourth.holds != ()


async def test_what_a_held_bill_claims_accrues_until_its_first_incomplete_day(
    accruing: Accruing,
) -> None:
    utility, edge = accruing.utility, _edge()
    utility.now = datetime(2026, 11, 2, 6, tzinfo=UTC)
    await utility.customer(3, period_s=HOURLY)
    whole = month("S3", gaps={(18 - 1) * HOURS + 5: 6}, step=25, period_s=HOURLY)
    await utility.deliver(edge, whole)
    await utility.validate()
    await accruing.unbilled.refresh()
    (before,) = await accruing.of("A-3")
    assert before.amount > 0
    assert (await run(utility, "2026-10")).held
    # What comes next has the account rated again, beside the bill that is there by now.
    last, hour = whole[-1], timedelta(hours=1)
    more = [
        replace(last, at=last.at + number * hour, mantissa=last.mantissa + 25 * number)
        for number in range(1, HOURS + 1)
    ]
    utility.now += timedelta(days=1)
    await utility.deliver(edge, more)
    await utility.validate()
    await accruing.unbilled.refresh()
    (after,) = await accruing.of("A-3")
    assert (after.end, after.amount) == (date(2026, 11, 3), before.amount)
