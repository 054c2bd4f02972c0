"""Documents reach their accounts by a real mail server: once, and again when asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from typer.testing import CliRunner

from central.adapters.documents.invoice import render_invoice
from central.adapters.notices.invoice_mail import InvoiceMailer
from central.adapters.notices.mail import MailSecurity, MailServer
from central.adapters.timescale.invoicing.invoicing import TimescaleInvoicing
from central.cli.app import app
from central.domain.billing.invoicing import DeliveryChannel, TermsOf
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.archive import ArchiveInvoices
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.invoicing.deliver_invoices import CLAIM, DeliverInvoices
from central.service.invoicing.set_invoicing import SetInvoicing
from central.service.ports.billing import BillRecord
from central.service.ports.invoicing import (
    HandOver,
    InvoiceDelivery,
    InvoiceDeliveryState,
    InvoiceMail,
    NoDocumentYetError,
)
from tests.contract.billing.test_reading_to_bill import bill
from tests.support.actors import CHIEF, CLERK
from tests.support.books import NOW, Utility, pool_of, timescale_utility
from tests.support.moved_books import MOVED
from tests.support.receivers import Mailbox, smtp_receiver
from tests.support.servers import Database

pytestmark = pytest.mark.begins_with(MOVED)
SENT, FAILED = InvoiceDeliveryState.SENT, InvoiceDeliveryState.FAILED
IBAN, CUPS = "ES91 2100 0418 4502 0005 1332", "ES1234123456789012JY0F"


@dataclass
class Post:
    """A utility whose invoices are sent."""

    utility: Utility
    store: TimescaleInvoicing
    now: datetime = NOW

    def say(self) -> SetInvoicing:
        return SetInvoicing(self.store, lambda: self.now)

    def mails(self, box: Mailbox | None, portal: str = "") -> DeliverInvoices:
        server = None
        if box is not None:
            server = MailServer(
                "127.0.0.1", box.port, "bills@seller.example", MailSecurity.NONE, timeout_s=5
            )
        utility = self.utility
        return DeliverInvoices(
            self.store,
            utility.billing,
            utility.documents,
            InvoiceMailer(server),
            "bills@seller.example",
            portal,
            lambda: self.now,
        )

    async def issued(self) -> BillRecord:
        """The bill of October, issued."""
        utility = self.utility
        summary = await bill(utility)
        await ApproveBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
        await IssueBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
        heads = await utility.billing.heads(summary.run)
        (uid,) = [head.uid for head in heads if head.account == "A-1"]
        record = await utility.billing.bill(uid)
        assert record is not None
        return record

    async def printed(self) -> BillRecord:
        """The same with its document."""
        record = await self.issued()
        archive = ArchiveInvoices(
            self.utility.billing, self.utility.documents, render_invoice, lambda: self.now
        )
        await archive.until_idle()
        return record

    async def deliveries(self) -> list[InvoiceDelivery]:
        return list(await self.store.deliveries(limit=20))


@pytest.fixture
async def post(plain_migrated: Database) -> AsyncIterator[Post]:
    async with timescale_utility(plain_migrated.dsn) as utility:
        yield Post(utility, TimescaleInvoicing(pool_of(utility)))


async def by_mail(post: Post, **more: Any) -> None:  # noqa: ANN401 - of any member
    said = {"channel": DeliveryChannel.EMAIL, "email": "ana@example.org", **more}
    await post.say()(TermsOf.ACCOUNT, "A-1", said, CLERK, "she asked for it")


async def test_what_is_said_is_fixed_at_issue_and_printed_in_the_accounts_language(
    post: Post,
) -> None:
    settings = ChangeSettings(post.utility.settings, lambda: NOW)
    await settings(SettingsChange(template="invoice-4"), CHIEF, "the law")
    seller = {"iban": IBAN, "qr": "epc", "country": "ES", "complaint_text": "Write to us."}
    await post.say()(TermsOf.SELLER, "", seller, CLERK, "the bank")
    await post.say()(TermsOf.POINT, "SP-1", {"scheme": "CUPS", "code": CUPS}, CLERK, "register")
    await by_mail(post, language="es", reference="PO 7")
    record = await post.printed()
    facts = record.issue
    assert facts is not None
    assert facts.terms is not None
    assert facts.locale == "es"
    assert facts.terms.payment is not None
    assert facts.terms.payment.iban == IBAN.replace(" ", "")
    assert facts.terms.buyer.reference == "PO 7"
    assert [(one.scheme, one.code) for one in facts.terms.supplies] == [("CUPS", CUPS)]
    kept = await post.utility.documents.document(record.uid)
    # Another language, account and address afterwards: the same facts and the same bytes.
    await by_mail(post, language="en", email="later@example.org")
    await post.say()(TermsOf.SELLER, "", {"complaint_text": "Call us."}, CLERK, "new")
    again = await post.utility.billing.bill(record.uid)
    assert again is not None
    assert (again.issue, again.content_sha256) == (facts, record.content_sha256)
    assert await post.utility.documents.document(record.uid) == kept
    assert record.content_sha256 == facts.content_sha256(record.sha256 or "")


async def test_where_nobody_said_anything_a_bill_says_what_it_always_said(post: Post) -> None:
    record = await post.printed()
    assert record.issue is not None
    assert record.issue.terms is None
    assert await post.deliveries() == []
    with pytest.raises(Exception, match="does not say how it gets its invoices"):
        await post.say().again(record.uid, CLERK, "he lost it")


async def test_a_document_is_mailed_once_and_again_when_asked(post: Post) -> None:
    await by_mail(post)
    with smtp_receiver() as box:
        record = await post.printed()
        assert await post.mails(box).waits(NOW)
        done = await asyncio.gather(*(post.mails(box).until_idle() for _ in range(3)))
        assert sum(tally.sent for tally in done) == 1
        (mail,) = box.messages
        kept = await post.utility.documents.document(record.uid)
        assert kept is not None
        (file,) = mail.iter_attachments()
        assert file.get_content() == kept.content
        (first,) = await post.deliveries()
        assert (first.state, first.copy, first.attempts) == (SENT, 0, 1)
        assert mail["Message-ID"] == f"<{first.uid}@seller.example>"
        assert (mail["To"], record.number in mail["Subject"]) == ("ana@example.org", True)
        # A job that is done again makes no second delivery.
        await ArchiveInvoices(
            post.utility.billing, post.utility.documents, render_invoice, lambda: NOW
        ).document(record)
        assert not await post.mails(box).waits(NOW)
        await by_mail(post, email="new@example.org", link=True)
        await post.say().again(record.uid, CLERK, "another address")
        assert (await post.mails(box, "https://portal.example/").until_idle()).sent == 1
        assert box.messages[1]["To"] == "new@example.org"
        assert f"https://portal.example/{record.number}" in box.messages[1].get_content()
        assert [each.copy for each in await post.deliveries()] == [1, 0]
        await post.say().bounced(first.uid, CLERK, "mailbox full")
        assert (await post.deliveries())[1].state is InvoiceDeliveryState.BOUNCED


async def test_who_dies_between_sending_and_keeping_sends_nothing_twice(post: Post) -> None:
    await by_mail(post)
    await post.printed()

    with smtp_receiver() as box:
        mails = post.mails(box)
        hand_over = mails._send

        async def sends_and_dies(mail: InvoiceMail, at: datetime) -> tuple[HandOver, str]:
            assert (await hand_over(mail, at))[0] is HandOver.TAKEN
            raise asyncio.CancelledError

        mails._send = sends_and_dies
        with pytest.raises(asyncio.CancelledError):
            await mails.until_idle()
        assert len(box.messages) == 1
        assert (await post.mails(box).until_idle()).sent == 0
        post.now += CLAIM + timedelta(seconds=1)
        tally = await post.mails(box).until_idle()
        assert (tally.sent, tally.failed, len(box.messages)) == (0, 1, 1)
    (delivery,) = await post.deliveries()
    assert (delivery.state, delivery.due_at) == (FAILED, None)
    assert "may have arrived" in delivery.detail


async def test_a_server_that_is_away_is_tried_again_and_one_that_refuses_is_not(
    post: Post,
) -> None:
    await by_mail(post)
    record = await post.printed()
    assert (await post.mails(None).until_idle()).put_off == 1
    (delivery,) = await post.deliveries()
    assert delivery.state is InvoiceDeliveryState.WAITING
    assert "METERLINE_SMTP_HOST" in delivery.detail
    with smtp_receiver() as box:
        box.refuses.append("550 no such mailbox")
        post.now += timedelta(hours=1)
        assert (await post.mails(box).until_idle()).bounced == 1
        await by_mail(post, link=True)
        await post.say().again(record.uid, CLERK, "again")
        assert (await post.mails(box).until_idle()).failed == 1
    latest, _ = await post.deliveries()
    assert "METERLINE_PORTAL_URL" in latest.detail


async def test_the_portal_has_it_at_once_and_what_is_erased_goes_nowhere(
    post: Post, plain_migrated: Database
) -> None:
    await post.say()(TermsOf.ACCOUNT, "A-1", {"channel": DeliveryChannel.PORTAL}, CLERK, "portal")
    record = await post.issued()
    with pytest.raises(NoDocumentYetError):
        await post.say().again(record.uid, CLERK, "too early")
    await post.printed()
    (delivery,) = await post.deliveries()
    assert (delivery.state, delivery.channel) == (SENT, DeliveryChannel.PORTAL)
    await by_mail(post)
    async with await psycopg.AsyncConnection.connect(plain_migrated.dsn) as connection:
        await connection.execute("SELECT erase_account('A-1', now())")
        cursor = await connection.execute(
            "SELECT count(*) FROM invoicing_terms WHERE personal::text LIKE '%ana%'"
        )
        assert await cursor.fetchone() == (0,)
        cursor = await connection.execute(
            "SELECT count(*) FROM audit_log WHERE detail::text LIKE '%ana@%'"
        )
        assert await cursor.fetchone() == (0,)
    said = await post.store.terms(TermsOf.ACCOUNT, "A-1")
    assert said is not None
    assert "email" not in said.to_json()


async def test_commands_say_the_same(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch, post: Post
) -> None:
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn_as("meterline_app"))

    async def central(*words: str) -> Any:  # noqa: ANN401 - JSON is anything
        done = await asyncio.to_thread(CliRunner().invoke, app, ["invoicing", *words, "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    why = ("--reason", "r")
    said = await central("account", "A-1", "--channel", "email", "--email", "a@b.example", *why)
    assert (said["version"], said["channel"], said["email"]) == (1, "email", "a@b.example")
    assert (await central("account", "A-1", "--language", "es", *why))["email"] == "a@b.example"
    assert (await central("account", "A-1", "--language", "es", *why))["version"] == 2
    assert (await central("point", "SP-1", "--scheme", "CUPS", "--code", CUPS, *why))["code"]
    assert (await central("seller", "--iban", IBAN, *why))["iban"] == IBAN.replace(" ", "")
    assert (await central("show", "account", "A-1"))["language"] == "es"
    record = await post.printed()
    assert record.issue is not None
    assert record.issue.terms is not None
    (row,) = await central("deliveries", "--bill", str(record.uid))
    assert (row["state"], row["number"]) == ("waiting", record.number)
    made = await central("resend", str(record.uid), *why)
    assert UUID(made["delivery"])
    # The command goes by the clock of the machine.
    post.now = NOW + timedelta(days=36_500)
    with smtp_receiver() as box:
        assert (await post.mails(box).until_idle()).sent == 2
    came_back = await central("bounced", row["delivery"], *why)
    assert came_back["state"] == "bounced"
