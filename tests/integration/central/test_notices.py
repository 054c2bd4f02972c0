"""What happened is told once to each endpoint that a rule names, over real HTTP and SMTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from central.adapters.notices.mail import MailSecurity, MailServer
from central.adapters.notices.sender import EndpointSender
from central.adapters.timescale.notices.notices import TimescaleNotices
from central.domain.notices.notice import NoticeKind
from central.domain.notices.retry import RETRIES
from central.domain.notices.rule import Condition, EndpointKind, NoticeEndpoint, NoticeRule
from central.domain.notices.signature import signature
from central.service.notices.deliver import DeliverNotices, DeliveryTally
from central.service.notices.notices import Notices
from central.service.ports.notices import (
    Delivery,
    DeliveryState,
    NoSuchDeliveryError,
    NoSuchEndpointError,
)
from tests.support.actors import CLERK
from tests.support.books import Utility, pool_of, timescale_utility
from tests.support.daily_books import bill, run, settle
from tests.support.moved_books import MOVED
from tests.support.receivers import Mailbox, Receiver, http_receiver, smtp_receiver
from tests.support.servers import Database

pytestmark = pytest.mark.begins_with(MOVED)
SENDER = "billing@utility.example"


@dataclass
class Telling:
    """A utility that tells what happens."""

    utility: Utility
    notices: Notices
    receiver: Receiver
    mailbox: Mailbox

    @property
    def deliver(self) -> DeliverNotices:
        server = MailServer("127.0.0.1", self.mailbox.port, SENDER, MailSecurity.NONE)
        store = TimescaleNotices(pool_of(self.utility))
        return DeliverNotices(store, EndpointSender(server), lambda: self.utility.now)

    async def webhook(self, name: str = "crm") -> str:
        endpoint = NoticeEndpoint(EndpointKind.WEBHOOK, self.receiver.url)
        _, secret = await self.notices.set_endpoint(name, endpoint, CLERK, "the CRM listens")
        assert secret is not None
        return secret

    async def rule(self, kind: NoticeKind, endpoint: str, *where: str) -> None:
        rule = NoticeRule(kind, endpoint, tuple(map(Condition.parse, where)))
        name = f"{kind.value}-{endpoint}".replace(".", "-")
        await self.notices.set_rule(name, rule, CLERK, "it is to be told")

    async def all(self, state: DeliveryState | None = None) -> list[Delivery]:
        return list((await self.notices.store.deliveries(None, 100, state)).rows)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with smtp_receiver() as mailbox:
        yield mailbox


@pytest.fixture
async def telling(
    migrated: Database, receiver: Receiver, mailbox: Mailbox
) -> AsyncIterator[Telling]:
    async with timescale_utility(migrated.dsn) as utility:
        notices = Notices(TimescaleNotices(pool_of(utility)), lambda: utility.now)
        yield Telling(utility, notices, receiver, mailbox)


async def test_each_kind_is_told_in_the_transaction_of_what_happened(telling: Telling) -> None:
    secret = await telling.webhook()
    for kind in (NoticeKind.BILL_ISSUED, NoticeKind.RUN_FINISHED, NoticeKind.EXCEPTION_OPENED):
        await telling.rule(kind, "crm")
    mail = NoticeEndpoint(EndpointKind.MAIL, "ana@utility.example")
    assert (await telling.notices.set_endpoint("ana", mail, CLERK, "she bills"))[1] is None
    await telling.rule(NoticeKind.EXCEPTION_OPENED, "ana", "kind=bill", "severity=critical")
    # The silent meters' bills are held; the other one is issued.
    await settle(telling.utility, "2026-10")
    tally = await telling.deliver.until_idle()
    record = await bill(telling.utility, "A-1", "2026-10")
    said = [json.loads(request.body) for request in telling.receiver.requests]
    kinds = sorted(each["type"] for each in said)
    assert kinds == ["bill.issued", *["exception.opened"] * 2, *["run.finished"] * 2]
    assert tally == DeliveryTally(sorted=5, taken=7)
    (issued,) = (each["data"] for each in said if each["type"] == "bill.issued")
    assert (issued["bill"], issued["account"]) == (str(record.uid), "A-1")
    assert issued["total"] == str(record.bill.amounts.billed)
    for request in telling.receiver.requests:
        headers = request.headers
        stamp, sent = int(headers["webhook-timestamp"]), headers["webhook-signature"]
        assert sent == signature(secret, headers["webhook-id"], stamp, request.body)
        assert request.path == "/hooks?of=meterline"
    assert sorted(telling.mailbox.recipients) == [["ana@utility.example"]] * 2
    message = telling.mailbox.messages[0]
    assert "Exception opened" in message["Subject"]
    assert "MISSING_INTERVALS" in message.get_content()
    assert await telling.deliver.until_idle() == DeliveryTally()


async def test_what_is_rolled_back_is_told_to_nobody(telling: Telling, migrated: Database) -> None:
    await telling.webhook()
    await telling.rule(NoticeKind.RUN_FINISHED, "crm")
    await run(telling.utility, "2026-10")
    with psycopg.connect(migrated.dsn) as connection:
        connection.execute("UPDATE bill_run SET finished_at = NULL")
        connection.execute("UPDATE bill_run SET finished_at = now()")
        assert connection.execute("SELECT count(*) FROM notice").fetchone() == (2,)
        connection.rollback()
    assert (await telling.deliver.until_idle()).taken == 1


async def test_nothing_is_written_where_no_rule_asks(telling: Telling, migrated: Database) -> None:
    await telling.webhook()
    await telling.rule(NoticeKind.BILL_ISSUED, "crm")
    off = NoticeRule(NoticeKind.BILL_ISSUED, "crm", off=True)
    await telling.notices.set_rule("bill-issued-crm", off, CLERK, "too many")
    await settle(telling.utility, "2026-10")
    with psycopg.connect(migrated.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM notice").fetchone() == (0,)
    assert not await telling.deliver.waits(telling.utility.now)


async def test_what_is_not_taken_is_sent_again_and_then_given_up(telling: Telling) -> None:
    await telling.webhook()
    delivery = await telling.notices.test("crm", CLERK)
    telling.receiver.answers = [(503, {"Retry-After": "60"}), (500, {})]
    assert (await telling.deliver.until_idle()).put_off == 1
    first = await telling.notices.delivery(delivery)
    assert first.due_at == telling.utility.now + timedelta(seconds=60)
    assert not await telling.deliver.waits(telling.utility.now)
    telling.utility.now += timedelta(seconds=60)
    assert (await telling.deliver.until_idle()).put_off == 1
    telling.utility.now += RETRIES[1]
    assert (await telling.deliver.until_idle()).taken == 1
    done = await telling.notices.delivery(delivery)
    assert (done.state, done.attempts) == (DeliveryState.DELIVERED, 3)
    assert [row.attempt.status for row in done.log] == [503, 500, 204]
    assert done.log[1].attempt.detail == "Internal Server Error no?thank you"
    # The receiver knows it by one identifier.
    assert len({request.headers["webhook-id"] for request in telling.receiver.requests}) == 1
    # Who wants no more of it is asked once.
    telling.receiver.answers = [(410, {})]
    await telling.notices.test("crm", CLERK)
    assert (await telling.deliver.until_idle()).failed == 1
    assert [each.state for each in await telling.all(DeliveryState.FAILED)] == ["failed"]


async def test_an_endpoint_that_is_away_fails_after_three_days_and_is_sent_again(
    telling: Telling,
) -> None:
    await telling.webhook()
    away = NoticeEndpoint(EndpointKind.WEBHOOK, "http://127.0.0.1:9/")
    await telling.notices.set_endpoint("crm", away, CLERK, "it moved")
    uid = await telling.notices.test("crm", CLERK)
    tally = DeliveryTally()
    for _ in range(1 + len(RETRIES)):
        tally = await telling.deliver.until_idle()
        telling.utility.now += timedelta(days=1)
    assert tally.failed == 1
    failed = await telling.notices.delivery(uid)
    assert (failed.state, failed.attempts) == (DeliveryState.FAILED, 10)
    assert "ConnectionRefusedError" in failed.log[0].attempt.detail
    # Off, it waits; on again, and asked for, the same notice goes out.
    here = NoticeEndpoint(EndpointKind.WEBHOOK, telling.receiver.url, off=True)
    assert (await telling.notices.set_endpoint("crm", here, CLERK, "back soon"))[1] is None
    again = await telling.notices.resend(uid, CLERK, "it is back")
    assert not await telling.deliver.waits(telling.utility.now)
    on = NoticeEndpoint(EndpointKind.WEBHOOK, telling.receiver.url)
    await telling.notices.set_endpoint("crm", on, CLERK, "back")
    assert (await telling.deliver.until_idle()).taken == 1
    (request,) = telling.receiver.requests
    sent = await telling.notices.delivery(again)
    assert request.headers["webhook-id"] == str(sent.notice.uid) == str(failed.notice.uid)


async def test_an_exchanged_secret_signs_beside_the_new_one_for_a_while(telling: Telling) -> None:
    old = await telling.webhook()
    new = await telling.notices.exchange_secret("crm", CLERK, "yearly", timedelta(hours=2))

    async def signatures() -> list[str]:
        await telling.notices.test("crm", CLERK)
        await telling.deliver.until_idle()
        request = telling.receiver.requests[-1]
        headers = request.headers
        stamp, uid = int(headers["webhook-timestamp"]), headers["webhook-id"]
        names = {signature(old, uid, stamp, request.body): "old"}
        names[signature(new, uid, stamp, request.body)] = "new"
        return [names[sent] for sent in headers["webhook-signature"].split(" ")]

    telling.utility.now += timedelta(minutes=1)
    assert await signatures() == ["new", "old"]
    (endpoint,) = await telling.notices.store.endpoints(telling.utility.now)
    assert endpoint.secrets == 2
    assert not {old, new} & set(str(endpoint.to_json()).split("'"))
    telling.utility.now += timedelta(hours=2)
    assert await signatures() == ["new"]


async def test_two_workers_send_a_notice_once_and_one_takes_over_from_the_dead(
    telling: Telling,
) -> None:
    await telling.webhook()
    await telling.notices.test("crm", CLERK)
    store, now = telling.notices.store, telling.utility.now
    until = now + timedelta(minutes=2)
    (leased,) = await store.lease(now, until, 9)
    assert leased.attempts == 0
    assert list(await store.lease(now, until, 9)) == []
    assert (await telling.deliver.until_idle()).taken == 0
    telling.utility.now = until
    assert (await telling.deliver.until_idle()).taken == 1


async def test_a_mail_address_that_does_not_exist_is_given_up_and_a_busy_one_is_not(
    telling: Telling,
) -> None:
    mail = NoticeEndpoint(EndpointKind.MAIL, "ana@utility.example")
    await telling.notices.set_endpoint("ana", mail, CLERK, "she bills")
    telling.mailbox.refuses = ["550 5.1.1 nobody here", "450 4.2.1 later"]
    await telling.notices.test("ana", CLERK)
    assert (await telling.deliver.until_idle()).failed == 1
    uid = await telling.notices.test("ana", CLERK)
    assert (await telling.deliver.until_idle()).put_off == 1
    telling.utility.now += RETRIES[0]
    assert (await telling.deliver.until_idle()).taken == 1
    log = (await telling.notices.delivery(uid)).log
    assert [row.attempt.status for row in log] == [450, 250]
    assert [message["From"] for message in telling.mailbox.messages] == [SENDER]


async def test_what_is_not_there_is_refused_by_name(telling: Telling) -> None:
    nobody = UUID(int=9)
    for asks in (
        telling.notices.test("nowhere", CLERK),
        telling.notices.exchange_secret("nowhere", CLERK, "why"),
        telling.rule(NoticeKind.BILL_ISSUED, "nowhere"),
    ):
        with pytest.raises(NoSuchEndpointError):
            await asks
    for wants in (
        telling.notices.delivery(nobody),
        telling.notices.resend(nobody, CLERK, "why"),
    ):
        with pytest.raises(NoSuchDeliveryError):
            await wants
