"""Documents are rendered once and kept, whoever asks and whatever fails, on every store."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from central.domain.billing.bill import Bill
from central.domain.billing.document_template import DocumentTemplate, template_of
from central.domain.billing.issue import FixedBy, IssueFacts
from central.domain.rating.daily_usage import DailyUsage
from central.service.billing.approve_bills import IssueBills
from central.service.billing.archive import LEASE, ArchiveInvoices
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.billing.invoice_document import (
    DocumentError,
    IssuedError,
    NotIssuedError,
    PrintedBeside,
    UnprintableTextError,
)
from central.service.billing.print_invoice import PrintBill
from central.service.ports.billing import BillRecord
from central.service.ports.documents import ATTEMPTS_MAX
from tests.contract.billing.test_issued import approved
from tests.support.actors import CHIEF
from tests.support.books import NOW, Utility


@dataclass
class Press:
    """A renderer that counts, and that fails for some accounts."""

    fails: set[str] = field(default_factory=set)
    error: Exception = field(default_factory=lambda: UnprintableTextError("No font has it."))
    printed: list[str] = field(default_factory=list)

    def __call__(  # noqa: PLR0913 - what a document is made of
        self,
        bill: Bill,
        *,
        usage: Sequence[DailyUsage],
        template: DocumentTemplate,
        issue: IssueFacts | None = None,
        sha256: str | None = None,
        beside: PrintedBeside | None = None,
    ) -> bytes:
        assert usage
        assert issue is None or (beside is not None and beside.tariffs)
        self.printed.append(bill.account)
        if bill.account in self.fails:
            raise self.error
        number = "DRAFT" if issue is None else issue.number
        # Never twice the same: what is served again was kept.
        return f"{number} {sha256} {template.sha256} {len(self.printed)}".encode()


class Office:
    """A utility whose clock the test turns, and its press."""

    def __init__(self, utility: Utility, press: Press | None = None) -> None:
        self.utility = utility
        self.press = press or Press()
        self.now = NOW

    @property
    def archive(self) -> ArchiveInvoices:
        return ArchiveInvoices(
            self.utility.billing, self.utility.documents, self.press, lambda: self.now
        )

    @property
    def print_bill(self) -> PrintBill:
        utility = self.utility
        return PrintBill(
            utility.billing, utility.settings, self.archive, self.press, lambda: self.now
        )

    async def issue(self, customers: int = 1) -> list[BillRecord]:
        """Bills of October, issued."""
        bills = await approved(self.utility, customers)
        await self.utility.billing.issue([bill.uid for bill in bills], CHIEF, NOW)
        return [found for bill in bills if (found := await self.utility.billing.bill(bill.uid))]

    async def jobs(self) -> list[tuple[str, int, str | None]]:
        waiting = await self.utility.documents.waiting(10)
        return [(job.account, job.attempts, job.code) for job in waiting]


async def test_an_issued_bill_waits_and_is_rendered_once(utility: Utility) -> None:
    office = Office(utility)
    bills = await office.issue(2)
    assert await office.jobs() == [("A-1", 0, None), ("A-2", 0, None)]
    rendered = await office.archive.until_idle()
    assert (len(rendered.documents), rendered.failed) == (2, ())
    assert await office.jobs() == []
    for bill, document in zip(bills, rendered.documents, strict=True):
        assert bill.issue is not None
        template = template_of(bill.issue.template)
        said = f"{bill.number} {bill.content_sha256} {template.sha256}"
        assert document.content.decode().startswith(said)
        assert document.sha256 == hashlib.sha256(document.content).hexdigest()
        assert document.content_sha256 == bill.content_sha256
        assert document.rendered_at == NOW
        assert await utility.documents.template(document.template_sha256) == template
    office.now += timedelta(days=400)
    assert (await office.archive.until_idle()).idle
    assert [await office.archive.document(bill) for bill in bills] == list(rendered.documents)
    assert len(office.press.printed) == 2


async def test_whoever_cannot_wait_renders_it_himself_and_it_is_the_same(utility: Utility) -> None:
    office = Office(utility)
    (bill,) = await office.issue()
    shown = office.print_bill
    first = await shown.invoice(str(bill.uid))
    assert first == await shown.invoice(str(bill.uid)) == await shown.file(str(bill.uid))
    assert (await office.archive.until_idle()).idle
    assert (office.press.printed, first.name) == (["A-1"], "A-1-2026-10.pdf")
    with pytest.raises(IssuedError):
        await shown.draft(str(bill.uid))


async def test_before_issue_there_is_a_draft_and_no_invoice(utility: Utility) -> None:
    office = Office(utility)
    (bill,) = await approved(utility)
    shown = office.print_bill
    with pytest.raises(NotIssuedError):
        await shown.invoice(str(bill.uid))
    with pytest.raises(NotIssuedError):
        await office.archive.document(bill)
    draft = await shown.draft(str(bill.uid))
    assert draft.content.startswith(b"DRAFT")
    assert draft.name == "A-1-2026-10-draft.pdf"
    assert (await office.archive.until_idle()).idle
    # A draft is kept nowhere.
    await IssueBills(utility.billing, lambda: NOW).one(bill.uid, CHIEF)
    assert (await shown.invoice(str(bill.uid))).content.startswith(b"INV-000001")


async def test_a_draft_is_typeset_as_its_invoice_would_be(utility: Utility) -> None:
    office = Office(utility)
    (bill,) = await approved(utility)
    change = ChangeSettings(utility.settings, lambda: NOW)
    day = NOW.date() + timedelta(days=1)
    await change(SettingsChange(template="invoice-2"), CHIEF, "longer tables", day)
    for template in ("invoice-1", "invoice-2"):
        draft = await office.print_bill.draft(str(bill.uid))
        assert draft.content.split()[2] == template_of(template).sha256.encode()
        office.now += timedelta(days=1)
    await utility.billing.issue([bill.uid], CHIEF, office.now)
    invoice = await office.print_bill.invoice(str(bill.uid))
    assert invoice.content.split()[2] == template_of("invoice-2").sha256.encode()


async def test_facts_that_are_not_those_of_the_content_hash_are_not_printed(
    utility: Utility,
) -> None:
    office = Office(utility)
    (bill,) = await office.issue()
    assert bill.issue is not None
    assert bill.sha256 is not None
    facts = replace(bill.issue, template_sha256="", fixed_by=FixedBy.MIGRATION)
    with pytest.raises(DocumentError):
        await office.archive.document(replace(bill, issue=facts))
    assert office.press.printed == []


async def test_two_at_once_keep_one_document(utility: Utility) -> None:
    office = Office(utility)
    (bill,) = await office.issue()
    documents = await asyncio.gather(*(office.archive.document(bill) for _ in range(4)))
    assert len({document.content for document in documents}) == 1
    assert await utility.documents.document(bill.uid) == documents[0]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnprintableTextError("No font has it."), "UNPRINTABLE_TEXT"),
        (ZeroDivisionError("a defect"), "DOCUMENT_NOT_MADE"),
    ],
)
async def test_one_that_fails_stops_no_other_and_is_tried_a_few_times(
    utility: Utility, error: Exception, code: str
) -> None:
    office = Office(utility, Press({"A-1"}, error))
    await office.issue(2)
    rendered = await office.archive.until_idle()
    assert [job.account for job in rendered.failed] == ["A-1"]
    assert len(rendered.documents) == 1
    assert await office.jobs() == [("A-1", 1, code)]
    pauses = []
    while (waiting := await utility.documents.waiting(1))[0].attempts < ATTEMPTS_MAX:
        pauses.append(waiting[0].due_at - office.now)
        office.now = waiting[0].due_at - timedelta(seconds=1)
        assert (await office.archive.step()).idle
        office.now = waiting[0].due_at
        assert len((await office.archive.step()).failed) == 1
    assert pauses == [timedelta(minutes=minutes) for minutes in (1, 4, 16, 64)]
    office.now += timedelta(days=30)
    assert (await office.archive.step()).idle
    assert office.press.printed.count("A-1") == ATTEMPTS_MAX
    # The reason stays until somebody mends it and asks.
    assert await office.jobs() == [("A-1", ATTEMPTS_MAX, code)]
    office.press.fails.clear()
    (job,) = await utility.documents.waiting(1)
    bill = await utility.billing.bill(job.bill)
    assert bill is not None
    await office.archive.document(bill)
    assert await office.jobs() == []


async def test_a_job_that_dies_is_done_by_the_next_and_never_for_ever(utility: Utility) -> None:
    office = Office(utility)
    await office.issue()
    assert len(await take(office, NOW)) == 1
    office.now += LEASE - timedelta(seconds=1)
    assert (await office.archive.step()).idle
    office.now += timedelta(seconds=1)
    assert len((await office.archive.step()).documents) == 1
    assert await office.jobs() == []


async def test_what_kills_its_job_is_named_and_left_after_a_few_times(utility: Utility) -> None:
    office = Office(utility)
    await office.issue()
    for attempt in range(1, ATTEMPTS_MAX + 1):
        assert len(await take(office, office.now)) == 1
        office.now += LEASE
        code = "DOCUMENT_INTERRUPTED" if attempt > 1 else None
        assert await office.jobs() == [("A-1", attempt, code)]
    office.now += timedelta(days=30)
    assert (await office.archive.step()).idle
    assert office.press.printed == []


async def take(office: Office, at: datetime) -> Sequence[object]:
    """Take what is due, as a worker does that dies right after."""
    return await office.utility.documents.take(at, at + LEASE, 10)
