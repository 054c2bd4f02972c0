"""What waits for a clerk is one queue; what is done about it closes it, or is rolled back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from central.adapters.timescale.exceptions.actions import TimescaleActions
from central.adapters.timescale.exceptions.evidence import TimescaleEvidence
from central.adapters.timescale.exceptions.field_orders import TimescaleFieldOrders
from central.adapters.timescale.exceptions.queue import TimescaleExceptions
from central.adapters.timescale.pool import Pool, make_pool
from central.domain.billing.state import BillState
from central.domain.reason_code import ReasonCode
from central.service.exceptions.accept import accept, decide
from central.service.exceptions.actions import Action, ActionOutcome, act
from central.service.exceptions.assign import assign, suppress
from central.service.exceptions.field_order import field_order
from central.service.exceptions.release import release
from central.service.exceptions.rerun import rerun
from central.service.exceptions.show import show_exception
from central.service.ports.audit import AuditFilter
from central.service.ports.decisions import Choice
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import (
    ExceptionFilter,
    ExceptionKey,
    ExceptionKind,
    ExceptionRow,
    NoSuchExceptionError,
)
from central.service.views.paging import CursorError
from firmware_bridge.contract.errors import InvalidValueError
from tests.contract.billing.test_bill_checks import december, half_a_year
from tests.contract.billing.test_decisions import in_conflict
from tests.support.actors import OPERATOR, noted
from tests.support.books import NOW, Utility, timescale_utility
from tests.support.daily_books import bill, measured
from tests.support.servers import Database


@dataclass
class Office:
    """A utility with its queue."""

    utility: Utility
    pool: Pool

    @property
    def queue(self) -> TimescaleExceptions:
        return TimescaleExceptions(self.pool)

    async def rows(self, **asked: object) -> list[ExceptionRow]:
        page = await self.queue.page(ExceptionFilter(**asked), None, 500)  # type: ignore[arg-type]
        return list(page.rows)

    async def key(self, kind: ExceptionKind, code: str | None = None) -> ExceptionKey:
        """The first exception of a kind, and of a code."""
        rows = await self.rows(kinds=(kind,), code=code)
        return rows[0].key

    async def act(
        self, keys: Sequence[ExceptionKey], action: Action, *, keep: bool = True
    ) -> list[ActionOutcome]:
        note = noted(self.utility.now, OPERATOR, "asked on site")
        answer = ActionNote(note, ReasonCode.READ_ON_SITE)
        return await act(TimescaleActions(self.pool), keys, action, answer, keep=keep)


@asynccontextmanager
async def month_with_faults(database: Database) -> AsyncIterator[Office]:
    """A conflict, and days that lack intervals."""
    async with (
        timescale_utility(database.dsn) as utility,
        make_pool(database.dsn, max_size=2) as pool,
    ):
        await in_conflict(utility, gaps={500: 40})
        yield Office(utility, pool)


async def test_one_queue_has_what_waits_by_kind_severity_code_and_age(migrated: Database) -> None:
    async with month_with_faults(migrated) as office:
        rows = await office.rows()
        assert {(row.key.kind, row.code, row.subject) for row in rows} >= {
            (ExceptionKind.CONFLICT, "CONFLICTING_READINGS", "MTL/S1"),
            (ExceptionKind.FINDING, "MISSING_INTERVALS", "SP-1"),
        }
        # A conflict is named once, though the rule of its day finds it as well.
        assert sum(row.code == "CONFLICTING_READINGS" for row in rows) == 1
        assert [row.raised_at for row in rows] == sorted(row.raised_at for row in rows)
        assert await office.rows(code="NOTHING") == []
        assert await office.rows(raised_before=NOW - timedelta(days=400)) == []
        (counted,) = [
            entry for entry in await office.queue.counts() if entry.kind is ExceptionKind.CONFLICT
        ]
        assert (counted.waiting, counted.code) == (1, "CONFLICTING_READINGS")


async def test_pages_have_every_row_once_in_one_order(migrated: Database) -> None:
    async with month_with_faults(migrated) as office:
        whole, listed, after = await office.rows(), list[ExceptionRow](), None
        while True:
            page = await office.queue.page(ExceptionFilter(), after, 1)
            listed += page.rows
            after = page.after
            if after is None:
                break
        assert len(whole) > 1
        assert listed == whole
        with pytest.raises(CursorError):
            await office.queue.page(ExceptionFilter(), "bm90aGluZw", 1)


async def test_an_owner_and_a_due_date_are_kept_and_asked_for(migrated: Database) -> None:
    async with month_with_faults(migrated) as office:
        key = await office.key(ExceptionKind.CONFLICT)
        due = date(2026, 12, 1)
        (outcome,) = await office.act([key], assign("ana", due))
        assert (outcome.done, outcome.closed) == ("assigned to ana, due on 2026-12-01", False)
        (row,) = await office.rows(owner="ana")
        assert (row.key, row.due_on) == (key, due)
        assert key not in {row.key for row in await office.rows(owner="")}
        await office.act([key], assign(None, None))
        assert await office.rows(owner="ana") == []


async def test_what_is_suppressed_is_hidden_until_its_day(migrated: Database) -> None:
    async with month_with_faults(migrated) as office:
        key, today = await office.key(ExceptionKind.CONFLICT), NOW.date()
        await office.act([key], suppress(today + timedelta(days=3), today))
        shown = {row.key for row in await office.rows(shown_on=today)}
        assert key not in shown
        later = {row.key for row in await office.rows(shown_on=today + timedelta(days=3))}
        assert key in later
        with pytest.raises(InvalidValueError):
            suppress(today, today)


async def test_a_decided_conflict_waits_no_longer(migrated: Database) -> None:
    async with month_with_faults(migrated) as office:
        key = await office.key(ExceptionKind.CONFLICT)
        (previewed,) = await office.act([key], decide(Choice.KEEP), keep=False)
        assert previewed.closed
        # The preview was the decision, rolled back.
        assert await office.key(ExceptionKind.CONFLICT) == key
        assert len(await office.utility.decisions.conflicts(10)) == 1
        (outcome,) = await office.act([key], decide(Choice.KEEP))
        assert (outcome.done, outcome.closed) == ("decided: keep", True)
        (again,) = await office.act([key], decide(Choice.KEEP))
        assert again.code == "NO_SUCH_EXCEPTION"


async def test_of_many_what_is_refused_leaves_the_others(migrated: Database) -> None:
    async with month_with_faults(migrated) as office:
        conflict = await office.key(ExceptionKind.CONFLICT)
        missing = await office.key(ExceptionKind.FINDING, "MISSING_INTERVALS")
        outcomes = await office.act([missing, conflict, missing], accept)
        assert [(outcome.key, outcome.code) for outcome in outcomes] == [
            (missing, "NO_SUCH_FINDING"),
            (conflict, "NOT_FOR_THIS_KIND"),
        ]
        (rerun_of,) = await office.act([missing], rerun)
        assert rerun_of.done == "waits for validation"
        actions = {row.action for row in await office.utility.audit.rows(AuditFilter(), 50)}
        assert "finding.validated_again" in actions


async def test_evidence_has_values_register_and_the_same_days(migrated: Database) -> None:
    async with month_with_faults(migrated) as office:
        found = [
            await show_exception(office.queue, TimescaleEvidence(office.pool), row.key)
            for row in await office.rows(code="MISSING_INTERVALS")
        ]
        # A day that lacks some intervals; others are whole days that nothing came of.
        shown = next(
            document
            for document in found
            if {row["within"] for row in document.evidence.tables["Intervals"]} == {"", "yes"}
        )
        tables = shown.evidence.tables
        assert list(tables) == ["Finding", "Intervals", "Register", "Same days of other weeks"]
        within = [row for row in tables["Intervals"] if row["within"]]
        assert within
        assert all(row["value"] is None for row in within)
        beside = [row for row in tables["Intervals"] if not row["within"]]
        assert beside[0]["value"] == "25"
        assert len(tables["Register"]) >= 3
        weeks = tables["Same days of other weeks"]
        assert len(weeks) > 1
        assert {row["at_the_time"] for row in weeks} >= {"25", None}
        assert shown.actions[0] == "accept"
        conflict = await office.key(ExceptionKind.CONFLICT)
        two = await show_exception(office.queue, TimescaleEvidence(office.pool), conflict)
        assert two.evidence.tables["Other value"][0]["value"] == "2010"
        assert "2000" in {row["value"] for row in two.evidence.tables["Readings"]}
        with pytest.raises(NoSuchExceptionError):
            await show_exception(
                office.queue,
                TimescaleEvidence(office.pool),
                ExceptionKey(ExceptionKind.BILL, 99),
            )


async def test_a_reading_closes_a_field_order(migrated: Database) -> None:
    async with month_with_faults(migrated) as office:
        key = await office.key(ExceptionKind.FINDING, "MISSING_INTERVALS")
        due = NOW.date() + timedelta(days=5)
        (outcome,) = await office.act([key], field_order(due, NOW.date()))
        assert outcome.done.startswith("field order ")
        store = TimescaleFieldOrders(office.pool)
        (order,) = await store.orders(None, every=False)
        assert (order.key, order.point, order.due_on) == (key, "SP-1", due)
        assert [meter.meter for meter in order.meters] == ["MTL/S1"]
        with pytest.raises(InvalidValueError):
            field_order(NOW.date() - timedelta(days=1), NOW.date())
        # Ordered long ago, and the meter was read since.
        answer = ActionNote(noted(office.utility.now - timedelta(days=40), OPERATOR, "sent out"))
        await store.order(key, due, answer)
        assert len(await store.orders(key, every=True)) == 2
        assert [entry.uid for entry in await store.orders(key, every=False)] == [order.uid]


async def test_a_held_bill_is_released_or_rated_again_from_the_queue(migrated: Database) -> None:
    async with half_a_year(migrated) as (utility, pool):
        office = Office(utility, pool)
        key = await office.key(ExceptionKind.BILL, "HIGH_BILL")
        shown = await show_exception(office.queue, TimescaleEvidence(pool), key)
        tables = shown.evidence.tables
        assert [row["code"] for row in tables["Reasons"]] == ["HIGH_BILL"]
        assert tables["Parts"][0]["per_day"] == "50.00"
        assert [row["per_day"] for row in tables["Earlier periods"]] == ["10.00"] * 4
        (previewed,) = await office.act([key], release, keep=False)
        assert (previewed.done, previewed.closed) == ("released: HIGH_BILL", True)
        assert await december(utility) == (BillState.HELD, ["HIGH_BILL"])
        (same,) = await office.act([key], rerun)
        assert (same.done, same.closed) == ("rated again: held", False)
        await measured(utility, date(2026, 12, 1), date(2027, 1, 1), wh=11_000, version=2)
        (better,) = await office.act([key], rerun)
        assert (better.done, better.closed) == ("rated again: draft", True)
        record = await bill(utility, "A-1", "2026-12")
        assert record.kwh == 341
        assert OPERATOR.key in record.contributors


def test_a_key_is_read_as_it_is_written() -> None:
    for text in ("v12", "b7", "c1", "d3", "i9", "m2", "q8"):
        assert str(ExceptionKey.parse(text)) == text
    for text in ("", "v", "x1", "v-1", "v0", "v1.5", "v" + "9" * 19):
        with pytest.raises(NoSuchExceptionError):
            ExceptionKey.parse(text)
