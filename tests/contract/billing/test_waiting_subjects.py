"""A subject whose events belong to nobody waits in the queue, once, until they do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from central.adapters.timescale.exceptions.actions import TimescaleActions
from central.adapters.timescale.exceptions.evidence import TimescaleEvidence
from central.adapters.timescale.exceptions.queue import TimescaleExceptions
from central.adapters.timescale.pool import make_pool
from central.domain.reason_code import ReasonCode
from central.domain.vee.finding import Severity
from central.service.exceptions.accept import accept
from central.service.exceptions.actions import Action, ActionOutcome, act
from central.service.exceptions.assign import assign
from central.service.exceptions.show import show_exception
from central.service.exceptions.subject_events import assign_point, dismiss
from central.service.ports.audit import AuditFilter
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import ExceptionFilter, ExceptionKind, ExceptionRow
from central.service.ports.registry import NotRegisteredError, PointRecord
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import OPERATOR, noted
from tests.support.servers import Database
from tests.support.usage import NOW, Subscribed, event, subscribed

JUNE = date(2026, 6, 1)


@dataclass
class Queue:
    """Subscriptions, and what waits of their subjects."""

    world: Subscribed
    queue: TimescaleExceptions
    evidence: TimescaleEvidence
    actions: TimescaleActions

    async def rows(self, **asked: object) -> list[ExceptionRow]:
        wanted = ExceptionFilter(kinds=(ExceptionKind.SUBJECT,), **asked)  # type: ignore[arg-type]
        return list((await self.queue.page(wanted, None, 50)).rows)

    async def subjects(self) -> list[str]:
        return [row.subject for row in await self.rows()]


@asynccontextmanager
async def waiting(database: Database) -> AsyncIterator[Queue]:
    async with (
        subscribed(database.dsn) as world,
        make_pool(database.dsn, max_size=2) as pool,
    ):
        await world.utility.enrol.service_point(PointRecord("SUB-1", "UTC"))
        yield Queue(
            world, TimescaleExceptions(pool), TimescaleEvidence(pool), TimescaleActions(pool)
        )


async def test_it_waits_once_with_its_age_and_evidence_and_may_be_given_away(
    migrated: Database,
) -> None:
    async with waiting(migrated) as office:
        world = office.world
        await world.take(
            event("a1", "2026-06-03T10:00:00Z", "2"),
            event("b1", "2026-06-04T10:00:00Z", subject="beta"),
            event("b2", "2026-06-04T11:00:00Z", subject="beta", cancelled=True, version=2),
            event("c1", "2026-06-04T10:00:00Z", subject="gamma", cancelled=True),
        )
        world.later(days=2)
        await world.take(event("a2", "2026-06-05T10:00:00Z"))
        rows = await office.rows()
        # Of gamma nothing counts; acme was raised by its first event alone.
        assert [(row.subject, row.raised_at) for row in rows] == [("acme", NOW), ("beta", NOW)]
        assert {(row.severity, row.code) for row in rows} == {
            (Severity.WARNING, "EVENTS_WITHOUT_POINT")
        }
        assert await office.rows(raised_before=NOW - timedelta(days=1)) == []
        document = await show_exception(office.queue, office.evidence, rows[0].key)
        assert document.evidence.tables["Subject"][0] == {
            "subject": "acme",
            "events": "2",
            "first_at": "2026-06-03T10:00:00+00:00",
            "last_at": "2026-06-05T10:00:00+00:00",
        }
        assert [row["event"] for row in document.evidence.tables["Events"]] == ["a1", "a2"]
        note = noted(world.utility.now, OPERATOR, "a new customer")
        answer = ActionNote(note, ReasonCode.READ_ON_SITE)
        await act(office.actions, [rows[0].key], assign("ana", date(2026, 12, 1)), answer)
        assert [row.subject for row in await office.rows(owner="ana")] == ["acme"]
        first = await office.queue.page(ExceptionFilter(), None, 1)
        second = await office.queue.page(ExceptionFilter(), first.after, 1)
        assert [row.subject for row in (*first.rows, *second.rows)] == ["acme", "beta"]


async def test_an_assignment_ends_it_and_what_waits_anew_is_raised_anew(
    migrated: Database,
) -> None:
    async with waiting(migrated) as office:
        world = office.world
        await world.take(event("a1", "2026-06-03T10:00:00Z"), event("a2", "2026-07-03T10:00:00Z"))
        (before,) = await office.rows()
        # The events of June still belong to nobody.
        await world.subjects.assign("acme", "SUB-1", date(2026, 7, 1), OPERATOR)
        assert [row.key for row in await office.rows()] == [before.key]
        count, subjects = await world.events.waiting()
        assert (count, subjects[0].events) == (1, 1)
        await world.subjects.assign("acme", "SUB-1", JUNE, OPERATOR)
        assert await office.subjects() == []
        assert (await world.events.waiting())[0] == 0
        # What comes later has its point.
        await world.take(event("a3", "2026-06-09T10:00:00Z"))
        assert await office.subjects() == []
        # Taken back, June waits anew, under another number.
        world.later(days=1)
        await world.subjects.withdraw("acme", JUNE, OPERATOR, "it was another's")
        (after,) = await office.rows()
        assert after.key != before.key
        assert after.raised_at == NOW + timedelta(days=1)
        # Cancelled events wait for nobody.
        await world.events.cancel("cloud", "a1", OPERATOR, "sent by a test")
        assert await office.subjects() == ["acme"]
        await world.events.cancel("cloud", "a3", OPERATOR, "sent by a test")
        assert await office.subjects() == []
        # From a day on the subject is nobody's again.
        await world.subjects.assign("acme", "", date(2026, 8, 1), OPERATOR)
        await world.take(event("a4", "2026-07-31T10:00:00Z"))
        assert await office.subjects() == []
        await world.take(event("a5", "2026-08-01T10:00:00Z"))
        assert await office.subjects() == ["acme"]


async def settled(
    office: Queue, action: Action, reason: str, *, keep: bool = True
) -> ActionOutcome:
    """Do something about the one subject that waits."""
    (row,) = await office.rows()
    note = noted(office.world.utility.now, OPERATOR, reason)
    answer = ActionNote(note, ReasonCode.DATA_ERROR)
    (outcome,) = await act(office.actions, [row.key], action, answer, keep=keep)
    return outcome


async def test_a_point_is_given_to_it_in_the_queue(migrated: Database) -> None:
    async with waiting(migrated) as office:
        world = office.world
        await world.take(event("a1", "2026-06-03T10:00:00Z"), event("a2", "2026-06-09T10:00:00Z"))
        nowhere = await settled(office, assign_point("SUB-9", JUNE), "by contract")
        assert nowhere.code == "NOT_REGISTERED"
        preview = await settled(office, assign_point("SUB-1", JUNE), "by contract", keep=False)
        assert (preview.code, preview.closed) == (None, True)
        # Until the fifth alone: the later event still belongs to nobody.
        until = assign_point("SUB-1", JUNE, date(2026, 6, 5))
        assert not (await settled(office, until, "by contract")).closed
        done = await settled(office, assign_point("SUB-1", date(2026, 6, 5)), "it went on")
        assert done.to_json() | {"exception": ""} == {
            "exception": "",
            "done": "acme belongs to SUB-1 from 2026-06-05 on",
            "closed": True,
        }
        assert (await world.events.waiting())[0] == 0
        history = await world.subjects.listed("acme")
        assert [(one.from_day.day, one.point, one.reason) for one in history] == [
            (1, "SUB-1", "by contract"),
            (5, "", "by contract"),
            (5, "SUB-1", "it went on"),
        ]


async def test_events_that_concern_nobody_are_dismissed_with_a_reason_until_another_comes(
    migrated: Database,
) -> None:
    async with waiting(migrated) as office:
        world = office.world
        await world.take(event("a1", "2026-06-03T10:00:00Z"), event("a2", "2026-06-09T10:00:00Z"))
        (before,) = await office.rows()
        with pytest.raises(InvalidValueError):
            await world.subjects.dismiss("acme", OPERATOR, " ")
        with pytest.raises(NotRegisteredError):
            await world.subjects.dismiss("beta", OPERATOR, "a test")
        assert (await settled(office, dismiss, "a test", keep=False)).closed
        done = await settled(office, dismiss, "a test of theirs")
        assert (done.done, done.closed) == (
            "acme is dismissed; events that concern nobody: 2",
            True,
        )
        assert await office.rows() == []
        # Sent once more they are no other events.
        await world.take(event("a1", "2026-06-03T10:00:00Z"))
        assert await office.rows() == []
        world.later(days=1)
        await world.take(event("a3", "2026-06-10T10:00:00Z"))
        (after,) = await office.rows()
        assert after.key != before.key
        assert after.raised_at == NOW + timedelta(days=1)
        # With all of them, and each is still there for who says whose it was.
        assert (await world.events.waiting())[0] == 3
        assert (await settled(office, assign_point("SUB-1", JUNE), "theirs after all")).closed
        assert (await world.events.waiting())[0] == 0
        rows = await world.utility.audit.rows(AuditFilter(), 20)
        (row,) = [row for row in rows if row.action == "subject.dismissed"]
        assert (row.actor, row.subject) == (OPERATOR.key, "acme")
        assert row.detail["reason"] == "a test of theirs"


async def test_what_is_said_of_a_dismissed_subject_has_the_rest_wait_again(
    migrated: Database,
) -> None:
    async with waiting(migrated) as office:
        world = office.world
        await world.take(event("a1", "2026-06-03T10:00:00Z"), event("a2", "2026-07-09T10:00:00Z"))
        await settled(office, dismiss, "a test")
        await world.subjects.assign("acme", "SUB-1", date(2026, 7, 1), OPERATOR)
        assert await office.subjects() == ["acme"]
        await settled(office, dismiss, "only those of June")
        assert await office.subjects() == []


async def test_of_a_finding_there_is_no_subject_to_dismiss(migrated: Database) -> None:
    async with waiting(migrated) as office:
        await office.world.take(event("a1", "2026-06-03T10:00:00Z"))
        assert (await settled(office, accept, "no")).code == "NOT_FOR_THIS_KIND"
        (row,) = await office.rows()
        document = await show_exception(office.queue, office.evidence, row.key)
        assert document.actions == ("assign-point", "dismiss", "assign", "suppress")
