"""Every table answers as of a time, on every real store, and for ever the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from central.adapters.timescale.billing.corrections import TimescaleCorrections
from central.adapters.timescale.knowledge import as_of
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.registry.registry import TimescaleRegistry
from central.domain.billing.bill import Party
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.correction import CorrectionWay
from central.domain.billing.cycle import Cycle
from central.domain.billing.ledger import EntryKind, LedgerEntry
from central.domain.metering.installation import RegisterFacts
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.service.billing.approve_bills import (
    ApproveBills,
    DiscardBills,
    IssueBills,
    WithdrawBills,
)
from central.service.billing.correct_bills import CorrectBills
from central.service.billing.post_entries import AccountLedger
from central.service.billing.run_bills import RunBills
from central.service.knowledge_time import KnowledgeTime, NotKeptTimeError, UnsettledTimeError
from central.service.ports.decisions import Choice
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.ports.ingest import PoisonError
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointRecord,
)
from central.service.ports.withdrawals import NamedAgreement
from central.service.registry.cycles import BillingCycles
from central.service.registry.groups import NamedGroups
from central.service.registry.withdraw import Withdraw
from central.service.validation.decisions import decide_conflict
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from tests.support.actors import CHIEF, CLERK, OPERATOR, noted
from tests.support.books import (
    HOURLY,
    SEPTEMBER,
    TARIFF,
    ZONE,
    Utility,
    month,
    pool_of,
    timescale_utility,
)
from tests.support.knowledge import columns_as_of, table_hashes
from tests.support.servers import Database

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
CYCLE = Cycle(2026, 10)
NEXT = Cycle(2026, 11)
AGREEMENT = AgreementRecord("A-1", "SP-1", "HOME", date(2026, 9, 1))


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[tuple[Utility, Pool]]:
    async with timescale_utility(database.dsn) as utility:
        pool = pool_of(utility)
        yield utility, pool


async def acts(utility: Utility, pool: Pool) -> AsyncIterator[str]:  # noqa: PLR0915 - one story
    """What happens in an office, an hour apart."""
    edge = await utility.found(2, period_s=HOURLY)
    enrol = utility.enrol
    yield "founded"
    readings = month(period_s=HOURLY, gaps={100: 20})
    await utility.deliver(edge, readings, month("S2", step=40, period_s=HOURLY))
    await utility.validate()
    yield "validated"
    other = replace(readings[50], mantissa=readings[50].mantissa + 1)
    await utility.deliver(edge, [other])
    await utility.validate()
    yield "a second value"
    (conflict,) = await utility.decisions.conflicts(10)
    await decide_conflict(
        utility.decisions, conflict.id, Choice.REPLACE, noted(utility.now, reason="read on site")
    )
    await utility.validate()
    yield "decided"
    runs = RunBills(utility.billing, lambda: utility.now)
    run = (await runs(CYCLE, CLERK)).run
    yield "held and drafted"
    late = month(period_s=HOURLY)[100:120]
    await utility.deliver(edge, late)
    await utility.validate()
    await runs(CYCLE, CLERK)
    yield "late readings"
    facts = AgreementFacts((Fact("tax_exempt", True),))
    await enrol.agreement(replace(AGREEMENT, facts=facts))
    await enrol.account(AccountRecord("A-1", Party("Ada Byron", ("Calle 9",))))
    registers = {ACTIVE_IMPORT: RegisterFacts(opening=Decimal("5.5"))}
    meter = InstallationRecord("SP-1", "MTL", "S1", SEPTEMBER, registers=registers)
    await enrol.installation(meter)
    yield "corrected"
    dearer = TARIFF.replace("price: 5", "price: 6")
    await enrol.tariff(dearer, reason="mistyped")
    await utility.validate()
    await runs(CYCLE, CLERK)
    yield "drafts made anew"
    groups = NamedGroups(utility.registry, OPERATOR, lambda: utility.now)
    await groups.add(GroupRecord("pilot", GroupOf.ACCOUNT))
    await groups.assign("pilot", Membership("A-2", date(2026, 9, 1), None))
    yield "a group"
    await groups.remove("pilot", "A-2", date(2026, 9, 1))
    cycles = BillingCycles(utility.registry, OPERATOR, lambda: utility.now)
    await cycles.add(BillingCycle("two", date(2027, 1, 1), 2))
    await cycles.assign("A-2", "two", date(2027, 1, 1))
    yield "a cycle"
    heads = {head.account: head.uid for head in await utility.billing.heads(run)}
    approve = ApproveBills(utility.billing, lambda: utility.now)
    await approve.run(run, CHIEF)
    yield "approved"
    withdraw = WithdrawBills(utility.billing, lambda: utility.now)
    await withdraw([heads["A-2"]], OPERATOR, "looks odd")
    yield "taken back"
    discard = DiscardBills(utility.billing, lambda: utility.now)
    await discard([heads["A-2"]], OPERATOR, "billed by hand")
    yield "discarded"
    await IssueBills(utility.billing, lambda: utility.now).run(run, CHIEF)
    yield "issued"
    ledger = AccountLedger(utility.ledger, utility.billing, lambda: utility.now)
    entry = LedgerEntry("p-1", "A-1", EntryKind.PAYMENT, utility.now.date(), "EUR", Decimal(5))
    await ledger.post(replace(entry, bill=str(heads["A-1"])), CLERK, "paid at the counter")
    yield "paid"
    use = Withdraw(utility.registry, OPERATOR, lambda: utility.now)
    await use.agreement(NamedAgreement("A-2", "SP-2", date(2026, 9, 1)), "entered by mistake")
    yield "withdrawn"
    last = replace(readings[-1], mantissa=readings[-1].mantissa + 5_000)
    await utility.deliver(edge, [last])
    await utility.validate()
    (conflict,) = await utility.decisions.conflicts(10)
    again = noted(utility.now, reason="read on site again")
    await decide_conflict(utility.decisions, conflict.id, Choice.REPLACE, again)
    await utility.validate()
    yield "issued from other readings"
    correct = CorrectBills(TimescaleCorrections(pool), lambda: utility.now)
    unwanted = await correct.decide("A-1", CorrectionWay.LEAVE, CLERK, "a trifle")
    yield "to be left"
    await correct.withdraw(unwanted, CLERK, "no trifle")
    yield "not to be left"
    adjust = await correct.decide("A-1", CorrectionWay.ADJUST, CLERK, "read on site again")
    yield "to be adjusted"
    await correct.approve(adjust, CHIEF)
    yield "adjusted"
    utility.now += timedelta(days=40)
    used, lasted = last.mantissa - readings[0].mantissa, last.at - readings[0].at
    later = [
        replace(each, at=each.at + lasted, mantissa=each.mantissa + used) for each in readings[1:]
    ]
    await utility.deliver(edge, later)
    await utility.validate()
    run = (await runs(NEXT, CLERK)).run
    yield "carried by a draft"
    (carrying,) = await utility.billing.heads(run)
    await discard([carrying.uid], OPERATOR, "billed later")
    yield "carried by none"


async def test_each_table_says_as_of_a_time_what_it_said_then(migrated: Database) -> None:
    async with opened(migrated) as (utility, pool):
        columns = await columns_as_of(pool)
        then: dict[str, tuple[datetime, dict[str, object]]] = {}
        async for act in acts(utility, pool):
            then[act] = utility.now, await table_hashes(pool, columns, columns, None)
            utility.now += HOUR
        before: dict[str, object] = {}
        for act, (at, told) in then.items():
            assert told != before, f"{act} changes nothing"
            before = told
            # Once, and again: between two acts nothing else is known.
            for later in (at, at + 30 * MINUTE):
                known = KnowledgeTime.of(later, utility.now)
                answer = await table_hashes(pool, columns, columns, known)
                assert answer == told, (act, [t for t in columns if answer[t] != told[t]])


async def address_of_point(pool: Pool, at: datetime, now: datetime) -> str | None:
    """The address of SP-1, as of a time."""
    registry = TimescaleRegistry(as_of(pool, KnowledgeTime.of(at, now)))
    async with registry.transaction() as read:
        point = await read.point("SP-1")
    return None if point is None else point.address


async def address_of(pool: Pool, at: datetime, now: datetime) -> tuple[str, str]:
    """The address of SP-1 and the name of A-2, as of a time."""
    registry = TimescaleRegistry(as_of(pool, KnowledgeTime.of(at, now)))
    async with registry.transaction() as read:
        point, account = await read.point("SP-1"), await read.account("A-2")
    assert point is not None
    assert account is not None
    return point.address, account.party.name


async def test_transactions_that_commit_in_the_wrong_order_are_answered_for_once(
    migrated: Database,
) -> None:
    point = PointRecord("SP-1", ZONE, "Calle 1")
    async with opened(migrated) as (utility, pool):
        await utility.found(2, period_s=HOURLY)
        first, second = utility.now + HOUR, utility.now + HOUR + MINUTE
        last = first + 5 * MINUTE - SECOND
        async with utility.registry.transaction(first) as slow:
            await slow.save_account(AccountRecord("A-2", Party("of the first")), first)
            async with utility.registry.transaction(second) as fast:
                await fast.save_point(replace(point, address="of the second"), second)
            # While the first is open nobody may ask for what it will turn out to have said.
            for at in (first, second):
                with pytest.raises(UnsettledTimeError):
                    await address_of(pool, at, last)
            # What it changes after the second has done so is known since the second.
            await slow.save_point(replace(point, address="of the first"), first)
        asked = {
            first - SECOND: ("Calle 1", "Customer 2"),
            first: ("Calle 1", "of the first"),
            second - SECOND: ("Calle 1", "of the first"),
            second: ("of the first", "of the first"),
        }
        now = second + 5 * MINUTE
        assert {at: await address_of(pool, at, now) for at in asked} == asked
        async with utility.registry.transaction(now) as more:
            await more.save_point(replace(point, address="of later"), now)
            await more.save_account(AccountRecord("A-2", Party("of later")), now)
        assert {at: await address_of(pool, at, now) for at in asked} == asked
        assert await address_of(pool, now, now + HOUR) == ("of later", "of later")


async def test_the_application_writes_nothing_without_a_time(migrated: Database) -> None:
    async with opened(migrated) as (utility, _):
        await utility.found(period_s=HOURLY)
        point = PointRecord("SP-1", ZONE, "elsewhere")
        with pytest.raises(PoisonError, match="known_from"):
            async with utility.registry.transaction() as registry:
                await registry.save_point(point, utility.now)


async def test_what_is_asked_as_of_a_time_writes_nothing_and_asks_for_nothing_else(
    migrated: Database,
) -> None:
    async with opened(migrated) as (utility, pool):
        await utility.found(period_s=HOURLY)
        past = as_of(pool, KnowledgeTime(utility.now))
        async with past.connection() as connection:
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                await connection.execute("INSERT INTO public.reading_recorded VALUES (1, now(), 1)")
        for unsaid in ("SELECT closed_through FROM point_channel", "SELECT FROM touched"):
            async with past.connection() as connection:
                with pytest.raises((psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn)):
                    await connection.execute(unsaid)
        # The next who borrows the connection reads the present.
        async with pool.connection() as connection:
            await connection.execute("SELECT closed_through FROM point_channel")


async def test_what_an_earlier_release_overwrote_is_not_answered_for(migrated: Database) -> None:
    async with opened(migrated) as (utility, pool):
        await utility.found(period_s=HOURLY)
        with psycopg.connect(migrated.dsn, autocommit=True) as owner:
            owner.execute("SET meterline.migrating = 'on'")
            owner.execute("ALTER TABLE knowledge_begin DISABLE TRIGGER ALL")
            owner.execute("UPDATE knowledge_begin SET kept_since = %s", (utility.now,))
        now = utility.now + HOUR
        assert await address_of_point(pool, utility.now, now) == "Calle 1"
        with pytest.raises(NotKeptTimeError) as refused:
            await address_of_point(pool, utility.now - SECOND, now)
        assert refused.value.code == "AS_OF_NOT_KEPT"
