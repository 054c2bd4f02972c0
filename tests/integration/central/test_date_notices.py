"""Days before and after a date are told by webhook, each once, over a year of bills."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

from central.adapters.notices.mail import MailSecurity, MailServer
from central.adapters.notices.sender import EndpointSender
from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.notices.dates import TimescaleDates
from central.adapters.timescale.notices.notices import TimescaleNotices
from central.domain.billing.bill import Party
from central.domain.notices.date_rule import LATE_MAX, DateOffset
from central.domain.notices.notice import NoticeKind
from central.domain.notices.rule import Condition, EndpointKind, NoticeEndpoint, NoticeRule
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.notices.deliver import DeliverNotices
from central.service.notices.notices import Notices
from central.service.notices.notify_dates import NotifyDates
from central.service.ports.registry import AccountRecord, AgreementRecord, PointRecord
from tests.support.actors import CHIEF, CLERK
from tests.support.books import Utility, pool_of, timescale_utility
from tests.support.daily_books import at, bill, found, measured, settle
from tests.support.receivers import http_receiver
from tests.support.servers import Database

BEGIN = date(2026, 8, 1)
END = date(2027, 8, 1)
STEP = timedelta(hours=8)
MONTHS = [date(2026 + (7 + number) // 12, (7 + number) % 12 + 1, 1) for number in range(13)]
MAIL = MailServer("127.0.0.1", 9, "nobody@utility.example", MailSecurity.NONE)


async def asked(utility: Utility, name: str, on: str, *where: str) -> None:
    """Have a day of a date told to the CRM."""
    notices = Notices(TimescaleNotices(pool_of(utility)), lambda: utility.now)
    conditions = tuple(map(Condition.parse, where))
    rule = NoticeRule(NoticeKind.DATE_REACHED, "crm", conditions, date=DateOffset.parse(on))
    await notices.set_rule(name, rule, CLERK, "the CRM asks for it")


def telling(utility: Utility) -> tuple[list[NotifyDates], DeliverNotices]:
    """Two workers, and what delivers."""
    store, clock = TimescaleNotices(pool_of(utility)), lambda: utility.now
    workers = [NotifyDates(store, TimescaleDates(pool_of(utility)), clock) for _ in range(2)]
    return workers, DeliverNotices(store, EndpointSender(MAIL), clock)


async def cancel(utility: Utility, account: str, cycle: str) -> str:
    """Cancel an issued bill; its number."""
    record = await bill(utility, account, cycle)
    store = TimescaleCancellations(pool_of(utility))
    use_case = CancelBills(utility.billing, store, lambda: utility.now)
    (note,) = await use_case([record.uid], CLERK, "wrong tariff")
    await ApproveBills(utility.billing, lambda: utility.now).one(note, CHIEF)
    await IssueBills(utility.billing, lambda: utility.now).one(note, CHIEF)
    assert record.number is not None
    return record.number


async def issued_after(utility: Utility, month: date) -> list[tuple[str, date, date]]:
    """Number, day of issue and day of payment of a month's bills."""
    settled = []
    for account in ("A-1", "A-2"):
        record = await bill(utility, account, f"{month:%Y-%m}")
        assert record.issue is not None
        settled.append((record.issue.number, record.issue.issued, record.issue.due))
    return settled


async def test_each_day_of_a_year_is_told_once_where_it_begins(
    plain_migrated: Database,
) -> None:
    with http_receiver() as receiver:
        async with timescale_utility(plain_migrated.dsn_as("meterline_app")) as utility:
            utility.now = at(BEGIN, 0)
            await found(utility, 2, since=BEGIN)
            for channel in (1, 2):
                await measured(utility, BEGIN, END, channel)
            await utility.enrol.account(AccountRecord("A-9", Party("Kiri")))
            await utility.enrol.service_point(PointRecord("SP-9", "Pacific/Auckland"))
            agreed = AgreementRecord("A-9", "SP-9", "FLAT", date(2027, 9, 1), date(2028, 9, 1))
            await utility.enrol.agreement(agreed)
            notices = Notices(TimescaleNotices(pool_of(utility)), lambda: utility.now)
            webhook = NoticeEndpoint(EndpointKind.WEBHOOK, receiver.url)
            await notices.set_endpoint("crm", webhook, CLERK, "it listens")
            # Two rules of one day, one of them for nobody, tell it once.
            await asked(utility, "remind", "bill.due_on+7", "cancelled=false")
            await asked(utility, "remind-dear", "bill.due_on+7", "total>=100000")
            await asked(utility, "ahead", "bill.due_on-3")
            await asked(utility, "moves-in", "agreement.first-60")
            await asked(utility, "renews", "agreement.end-450")
            expected, cancelled = await live(utility)
    told = [json.loads(request.body) for request in receiver.requests]
    assert {each["type"] for each in told} == {"date.reached"}
    seen = Counter(key(each["data"]) for each in told)
    assert set(seen.values()) == {1}
    assert set(seen) == expected
    assert cancelled not in {
        each["data"].get("number") for each in told if each["data"]["days"] == 7
    }
    # At the first look after midnight where the point is, or after the outage.
    at_of = {key(each["data"]): datetime.fromisoformat(each["timestamp"]) for each in told}
    kiri = at_of["agreement.first-60", "SP-9", date(2027, 7, 3)]
    assert datetime(2027, 7, 2, 12, tzinfo=UTC) <= kiri < datetime(2027, 7, 2, 20, tzinfo=UTC)


def key(data: dict[str, Any]) -> tuple[str, str, date]:
    offset = DateOffset.from_json(data)
    return str(offset), data.get("number") or data["service_point"], date.fromisoformat(data["day"])


async def live(utility: Utility) -> tuple[set[tuple[str, str, date]], str]:
    """Let a year pass; what is to be told in it, and the bill that was cancelled."""
    workers, deliver = telling(utility)
    expected = {
        ("agreement.first-60", "SP-9", date(2027, 7, 3)),
        ("agreement.end-450", "SP-9", date(2027, 6, 9)),
    }
    cancelled = ""
    months = iter(MONTHS)
    month = next(months)
    last = END + timedelta(days=30)
    while utility.now.date() < last:
        behind = utility.now.date() - timedelta(days=1)
        if behind >= (month + timedelta(days=31)).replace(day=1) and month < END:
            await settle(utility, f"{month:%Y-%m}")
            numbers = await issued_after(utility, month)
            gone = ""
            if month == date(2026, 11, 1):
                gone = cancelled = await cancel(utility, "A-2", "2026-11")
            for number, _, due in numbers:
                expected.add(("bill.due_on-3", number, due - timedelta(days=3)))
                if number != gone:
                    expected.add(("bill.due_on+7", number, due + timedelta(days=7)))
            if gone:
                await settle(utility, "2026-11")
                number, _, due = (await issued_after(utility, month))[1]
                assert number != gone
                expected.add(("bill.due_on-3", number, due - timedelta(days=3)))
                expected.add(("bill.due_on+7", number, due + timedelta(days=7)))
            month = next(months)
        # Nobody looks for two weeks; what came meanwhile is told after it.
        if not date(2027, 1, 10) <= utility.now.date() < date(2027, 1, 24):
            due_now = [worker for worker in workers if await worker.waits(utility.now)]
            assert len(due_now) == 2
            await asyncio.gather(*(worker.notify() for worker in due_now))
            assert not await workers[0].waits(utility.now)
            await deliver.until_idle()
        utility.now += STEP
    return {each for each in expected if each[2] < last}, cancelled


async def test_what_lay_before_the_rule_and_what_is_long_past_is_told_to_nobody(
    migrated: Database,
) -> None:
    with http_receiver() as receiver:
        async with timescale_utility(migrated.dsn_as("meterline_app")) as utility:
            utility.now = at(BEGIN, 0)
            await found(utility, 1, since=BEGIN)
            await measured(utility, BEGIN, date(2026, 9, 1))
            utility.now = at(date(2026, 9, 2))
            await settle(utility, "2026-08")
            notices = Notices(TimescaleNotices(pool_of(utility)), lambda: utility.now)
            webhook = NoticeEndpoint(EndpointKind.WEBHOOK, receiver.url)
            await notices.set_endpoint("crm", webhook, CLERK, "it listens")
            (worker, _), deliver = telling(utility)
            utility.now += timedelta(days=3)
            await asked(utility, "issued", "bill.issued_on+2")
            assert await worker.notify() == 0
            await asked(utility, "today", "bill.issued_on+3")
            assert await worker.notify() == 1
            await asked(utility, "later", "bill.issued_on+5")
            utility.now += timedelta(days=2) + LATE_MAX
            # Forty days late it is gone; the day before that it is told.
            utility.now -= timedelta(days=1)
            assert await worker.notify() == 1
            await asked(utility, "too-late", "bill.issued_on+44")
            utility.now += timedelta(days=3) + LATE_MAX
            assert await worker.notify() == 0
            await deliver.until_idle()
    days = [json.loads(request.body)["data"]["days"] for request in receiver.requests]
    assert sorted(days) == [3, 5]
