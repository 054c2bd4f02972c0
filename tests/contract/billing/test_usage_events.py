"""Usage events: each kept once, whose they are, and what bills make of them; on every server."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from central.adapters.timescale.billing.candidates import TimescaleCandidates
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.usage.events import TimescaleUsageEvents
from central.domain.billing.state import BillState
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.service.billing.find_candidates import FindCandidates
from central.service.billing.lineage import ExplainBill
from central.service.ports.billing import BillRecord
from central.service.ports.usage_events import EventFilter
from central.service.usage.assign_subjects import SubjectAssignedError
from central.service.usage.take_events import UsageEvents
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CHIEF, CLERK, OPERATOR
from tests.support.daily_books import run, settle
from tests.support.data import REPOSITORY
from tests.support.servers import Database
from tests.support.usage import NOW, Subscribed, event, subscribed
from tests.support.walked import walked

USED = (REPOSITORY / "docs/reference/tariffs/usage-events.yaml").read_text()
NO_LIGHTS = "\n".join(line for line in USED.split("\n") if "lights" not in line)
ROLLED = (REPOSITORY / "docs/reference/tariffs/rollover.yaml").read_text()
ROLLOVER = "\n".join(line for line in ROLLED.split("\n") if "heat" not in line)
JUNE = date(2026, 6, 1)
COUNTED = """\
tariff: calls
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: cycle}
determinants:
  calls: {events: calls, take: sum, split: {field: region, values: [eu], other: rest}}
  users: {events: users, take: unique, key: user}
charges:
  - {id: calls, qty: calls, price: {eu: 0.5, rest: 1}}
  - {id: users, qty: users, price: 2}
"""


async def bill_of(world: Subscribed, period: str = "2026-06", number: int = 1) -> BillRecord:
    (head,) = await world.utility.billing.of_period(f"A-{number}", period)
    record = await world.utility.billing.bill(head.uid)
    assert record is not None
    return record


def charged(record: BillRecord) -> dict[str, str]:
    return {key: amount for key, amount in amounts(record).items() if amount != "0.00"}


def amounts(record: BillRecord) -> dict[str, str]:
    return {entry.line.key: str(entry.line.amount) for entry in record.bill.lines}


async def test_an_event_is_kept_once_and_replaced_by_a_higher_version(migrated: Database) -> None:
    async with subscribed(migrated.dsn) as world:
        first = event("a1", "2026-10-05T10:00:00Z", "1.500000000001", {"region": "eu"})
        other = event("a2", "2026-10-05T10:00:00+02:00", "-2")
        old = event("a3", "2022-10-05T10:00:00Z")
        results = await world.take(first, other, first, replace(first, subject="b"), old)
        said = [(str(one.fate) if one.fate else one.error and one.error.code) for one in results]
        assert said == ["stored", "stored", "duplicate", "EVENT_DIFFERS", "EVENT_REFUSED"]
        again = await world.take(first, replace(other, value=Decimal(-3)))
        assert [one.error and one.error.code for one in again] == [None, "EVENT_DIFFERS"]
        dry = await world.events.take([event("a9", "2026-10-06T00:00:00Z")], OPERATOR, keep=False)
        assert str(dry[0].fate) == "stored"
        assert await world.events.versions("cloud", "a9") == ()
        # The lower version that comes behind the higher one is kept, and counts for nothing.
        await world.take(replace(other, version=3, value=Decimal(7)), replace(other, version=2))
        with pytest.raises(InvalidValueError):
            await world.events.cancel("cloud", "a1", OPERATOR, " ")
        cancelled = await world.events.cancel("cloud", "a1", OPERATOR, "sent by a test")
        assert await world.events.cancel("cloud", "a1", OPERATOR, "again") == cancelled
        listed = await world.events.listed(EventFilter(subject="acme"))
        assert [(one.event.id, one.event.version, one.counts) for one in listed] == [
            ("a2", 1, False),
            ("a2", 2, False),
            ("a2", 3, True),
            ("a1", 1, False),
            ("a1", 2, False),
        ]
        assert listed[3].event == first
        page = await world.events.listed(EventFilter(), (first.at, first.key), 1)
        assert [one.event.version for one in page] == [2]
        assert page[0].reason == "sent by a test"
        count, waiting = await world.events.waiting()
        assert (count, [(one.subject, one.events) for one in waiting]) == (1, [("acme", 1)])


async def test_the_first_events_of_a_month_come_from_several_at_once(migrated: Database) -> None:
    async with make_pool(migrated.dsn, min_size=6, max_size=6) as pool:
        events = UsageEvents(TimescaleUsageEvents(pool), lambda: NOW)
        for month in range(2, 8):
            given = [
                [event(f"m{month}-{sender}", f"2026-{month:02}-10T00:00:00Z")]
                for sender in range(6)
            ]
            taken = await asyncio.gather(*(events.take(each, OPERATOR) for each in given))
            assert [str(one.fate) for (one,) in taken] == ["stored"] * 6


async def test_a_subscription_is_billed_by_what_happened(migrated: Database) -> None:
    """The worked example of counted things, from events that came with and before their subject."""
    async with subscribed(migrated.dsn) as world:
        await world.utility.enrol.tariff(NO_LIGHTS)
        await world.customer(1, "usage-events", JUNE)
        pro, team, free = ({"plan": plan} for plan in ("pro", "team", "free"))
        await world.take(
            event("a0", "2026-05-31T23:59:59Z", "1", {**pro, "user": "eve"}),
            event("a1", "2026-06-01T00:00:00Z", "1", {**pro, "user": "ann"}),
            event("a2", "2026-06-02T10:00:00Z", "1", {**team, "user": "bob"}),
            event("a3", "2026-06-02T11:00:00Z", "1", {**free, "user": "bob"}),
            event("a4", "2026-06-30T23:59:59Z", "1", {**pro, "user": "ann"}),
            event("t1", "2026-06-05T00:00:00Z", "5", {"region": "eu"}, of="transfer"),
            event("t4", "2026-06-08T00:00:00Z", "1", {"region": "ap"}, of="transfer"),
            event("d1", "2026-06-16T00:00:00Z", "100", {"volume": "x"}, of="disk"),
            event("s2", "2026-06-25T00:00:00Z", "7", of="seats"),
            event("o1", "2026-06-25T00:00:00Z", "1", pro, subject="other"),
        )
        await world.subjects.assign("acme", "SUB-1", JUNE, OPERATOR)
        await run(world.utility, "2026-06")
        record = await bill_of(world)
        assert record.bill.holds == ()
        expected = {
            "calls": "1.50",
            "traffic/eu": "0.40",
            "traffic/rest": "0.20",
            "burst": "5.00",
            "users": "4.00",
            # 100 GB for 15 days.
            "disk": "36.00",
            "seats": "70.00",
        }
        assert {
            key: amount for key, amount in amounts(record).items() if amount != "0.00"
        } == expected
        proofs = await ExplainBill(world.utility.billing).bill(str(record.uid))
        behind = {proof.entry.line.key: [one.id for one in proof.events] for proof in proofs}
        assert behind["calls"] == ["cloud/a1", "cloud/a2", "cloud/a4"]
        # What comes, goes or is another makes the draft stale, and is billed by the next run.
        await world.take(event("a5", "2026-06-15T00:00:00Z", "1", {**team, "user": "cid"}))
        assert await world.utility.billing.changed_inputs([record.uid], world.utility.now)
        await world.events.cancel("cloud", "t1", OPERATOR, "a test")
        await world.take(event("s2", "2026-07-01T00:00:00Z", "9", of="seats", version=2))
        await run(world.utility, "2026-06")
        anew = await bill_of(world)
        assert charged(anew) == {
            "calls": "2.00",
            "traffic/rest": "0.20",
            "burst": "1.00",
            "users": "6.00",
            "disk": "36.00",
        }
        # Nothing changed since.
        assert not await world.utility.billing.changed_inputs([anew.uid], world.utility.now)
        await world.take(event("a6", "2026-11-20T11:59:00Z", "1", pro))
        assert not await world.utility.billing.changed_inputs([anew.uid], world.utility.now)


async def test_a_line_of_an_issued_bill_is_proven_by_what_was_known(migrated: Database) -> None:
    async with subscribed(migrated.dsn) as world:
        await world.utility.enrol.tariff(COUNTED)
        await world.customer(1, "calls", JUNE, zone="Europe/Madrid")
        await world.subjects.assign("acme", "SUB-1", JUNE, OPERATOR)
        # Local midnight: 22:00 the day before.
        await world.take(
            event("a1", "2026-05-31T22:00:00Z", "3", {"region": "eu"}, of="calls"),
            event("a2", "2026-06-30T22:00:00Z", "5", {"region": "eu"}, of="calls"),
            event("u1", "2026-06-10T00:00:00Z", "1", {"user": "ann"}, of="users"),
        )
        await settle(world.utility, "2026-06")
        record = await bill_of(world)
        assert record.bill.state is BillState.ISSUED
        assert amounts(record) == {"calls/eu": "1.50", "calls/rest": "0.00", "users": "2.00"}
        world.later(hours=1)
        await world.take(event("a3", "2026-06-30T21:59:59Z", "4", {"region": "us"}, of="calls"))
        await world.events.cancel("cloud", "a1", OPERATOR, "counted twice")
        proofs = await ExplainBill(world.utility.billing).bill(str(record.uid))
        assert [one.id for one in proofs[0].events] == ["cloud/a1"]
        assert await world.utility.billing.changed_inputs([record.uid], world.utility.now)
        async with make_pool(migrated.dsn, max_size=4) as pool:
            store = TimescaleCandidates(pool)
            await FindCandidates(store, lambda: world.utility.now).changed()
            (candidate,) = await store.candidates(None, 100)
        assert ["{kind} {name}: {detail}".format(**cause) for cause in candidate.causes] == [
            "events acme at SUB-1: 2 of 2026-05-31 to 2026-06-30 came or were replaced"
        ]
        assert [each["amount"] for each in candidate.difference["amounts"]] == ["2.50"]


async def test_a_late_session_takes_what_had_rolled_over(migrated: Database) -> None:
    """A plan of 10 GB a month, of which what is not used rolls over to the next."""
    async with subscribed(migrated.dsn) as world:
        await world.utility.enrol.tariff(ROLLOVER)
        may = date(2026, 5, 1)
        facts = AgreementFacts((Fact("lines", Decimal(1), may),))
        await world.customer(1, "rollover", may, zone="Europe/Madrid", facts=facts)
        await world.subjects.assign("acme", "SUB-1", may, OPERATOR)
        await world.take(
            event("s1", "2026-05-10T00:00:00Z", "4", of="sessions"),
            event("m1", "2026-05-10T00:00:00Z", of="messages"),
            event("m2", "2026-06-10T00:00:00Z", of="messages"),
            event("m3", "2026-06-11T00:00:00Z", of="messages"),
            event("s2", "2026-06-10T00:00:00Z", "18", of="sessions"),
        )
        for period in ("2026-05", "2026-06"):
            await settle(world.utility, period)
        assert charged(await bill_of(world, "2026-05")) == {}
        # 18 GB less 10 and the 6 of May; a message beyond the one that is included.
        assert charged(await bill_of(world)) == {"data": "5.00", "messages": "0.10"}
        world.later(hours=1)
        await world.take(event("s3", "2026-05-31T21:59:59Z", "3", of="sessions"))
        async with make_pool(migrated.dsn, max_size=4) as pool:
            store = TimescaleCandidates(pool)
            await FindCandidates(store, lambda: world.utility.now).changed()
            (candidate,) = await store.candidates(None, 100)
        assert [each["amount"] for each in candidate.difference["amounts"]] == ["7.50"]


async def test_whose_events_they_are_goes_by_days(migrated: Database) -> None:
    async with subscribed(migrated.dsn) as world:
        await world.utility.enrol.tariff(COUNTED)
        for number in (1, 2):
            await world.customer(number, "calls", JUNE, zone="Europe/Madrid")
        for day in (9, 10, 20):
            await world.take(event(f"a{day}", f"2026-06-{day:02}T22:30:00Z", of="calls"))
        assign = world.subjects.assign
        assert await assign("acme", "SUB-1", JUNE, CLERK, until=date(2026, 6, 11))
        assert not await assign("acme", "SUB-1", JUNE, CLERK)
        with pytest.raises(SubjectAssignedError):
            await assign("acme", "SUB-2", date(2026, 6, 11), CLERK)
        assert (await world.events.waiting())[0] == 2
        await assign("acme", "SUB-2", date(2026, 6, 11), CLERK, reason="moved")
        assert (await world.events.waiting())[0] == 0
        await run(world.utility, "2026-06")
        assert amounts(await bill_of(world, number=1))["calls/rest"] == "1.00"
        assert amounts(await bill_of(world, number=2))["calls/rest"] == "2.00"
        second = await bill_of(world, number=2)
        await world.subjects.withdraw("acme", date(2026, 6, 11), CHIEF, "did not move")
        assert await world.utility.billing.changed_inputs([second.uid], world.utility.now)
        await run(world.utility, "2026-06")
        assert amounts(await bill_of(world, number=1))["calls/rest"] == "3.00"
        history = await world.subjects.listed("acme")
        assert [(one.from_day.day, one.revision, one.withdrawn) for one in history] == [
            (1, 1, False),
            (11, 1, False),
            (11, 2, False),
            (11, 3, True),
        ]
        assert await walked(lambda after: world.subjects.page(None, after, 1)) == [*history]
        last = history[3].recorded_at
        assert history[3] in (await world.subjects.page("acme", None, 9, last)).rows
        assert (await world.subjects.page(None, None, 9, last + timedelta(days=1))).rows == ()
        # Whoever said whose events a bill counts does not approve it.
        record = await bill_of(world, number=1)
        decided = await world.utility.billing.approve([record.uid], CHIEF, world.utility.now)
        assert "said whose events" in decided.own[record.uid]
