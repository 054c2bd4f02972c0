"""What is past its term goes with a receipt; what is on a legal hold, or has no rule, stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import psycopg
import pytest
from psycopg import errors

from central.adapters.timescale.pool import Pool, make_pool
from central.adapters.timescale.retention_rules import TimescaleRetentionRules
from central.domain.actor import Actor
from central.domain.retention import (
    HoldExistsError,
    HoldOf,
    NoSuchHoldError,
    OnHoldError,
    RetentionKind,
    RetentionPausedError,
    RetentionTerm,
)
from central.service.ports.documents import DocumentDeletedError
from central.service.ports.erasure import AccountInUseError
from central.service.ports.registry import NotRegisteredError
from central.service.registry.erase_account import EraseAccount
from central.service.retention.delete import delete_past_term, deleted_text
from central.service.retention.rules import RetentionRules
from firmware_bridge.contract.errors import InvalidValueError
from tests.contract.billing.test_archive import Office
from tests.support.actors import CLERK
from tests.support.books import pool_of, timescale_utility
from tests.support.servers import Database

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
JOB = Actor.job("retention")
LATE = datetime(2032, 11, 20, 3, tzinfo=UTC)
LAW = "Commercial code, article 30"
# Another gateway for the second meter; batches of each that were stored in three years.
FILL = """\
INSERT INTO gateway (name, enrolled_at) VALUES ('gw-2', '2018-01-01Z');
UPDATE meter SET gateway_id = 2 WHERE serial = 'S2';
INSERT INTO named_group (name, of, changed_at) VALUES ('spain', 'point', '2018-01-01Z');
INSERT INTO group_member (group_id, of, service_point_id, from_day)
VALUES (1, 'point', 2, '2018-01-01');
INSERT INTO batch (
    gateway_id, epoch, sequence, sha256, prev_hash, made_at, outcome, received, received_at,
    stored_at
) SELECT
    gateway, gen_random_uuid(), 1, sha256(''), sha256(''), at::timestamptz, 'stored', 0,
    at::timestamptz, at::timestamptz
FROM (VALUES
    (1, '2020-11-19Z'), (2, '2020-11-19Z'), (1, '2023-05-03Z'),
    (2, '2023-05-03Z'), (1, '2024-11-21Z'), (2, '2024-11-21Z')
) AS rows (gateway, at);
INSERT INTO batch_signature (batch_id, version, key_id, signature, body, stored_at)
SELECT id, 1, '12345678', sha256('1') || sha256('2'), 'body', stored_at FROM batch;
"""


def rows(dsn: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as owner:
        return owner.execute(query.encode()).fetchall()


def signed(dsn: str) -> list[tuple[object, ...]]:
    query = """
    SELECT gateway_id::integer, (batch.stored_at AT TIME ZONE 'UTC')::date
    FROM batch_signature JOIN batch ON batch.id = batch_id ORDER BY 1, 2
    """
    return rows(dsn, query)


@pytest.fixture
async def pool(migrated: Database) -> AsyncIterator[Pool]:
    async with timescale_utility(migrated.dsn) as utility:
        await utility.found(2)
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        owner.execute(FILL)
    async with make_pool(migrated.dsn_as("meterline_app"), max_size=2) as opened:
        yield opened


def rules(pool: Pool) -> RetentionRules:
    return RetentionRules(TimescaleRetentionRules(pool), CLERK, lambda: NOW)


def term(months: int | None, group: str | None = None) -> RetentionTerm:
    return RetentionTerm(RetentionKind.SIGNATURES, months, LAW, group)


async def test_what_is_past_its_term_goes_with_receipts(migrated: Database, pool: Pool) -> None:
    store = TimescaleRetentionRules(pool)
    assert await delete_past_term(store, JOB, lambda: NOW) == []  # no rule says so
    first = await rules(pool).enter(term(24), "data protection")
    spain = await rules(pool).enter(term(72, "spain"), "law of the market")
    assert (first.revision, spain.revision) == (1, 1)
    due = [(past.rule, past.first, past.due, past.on_hold) for past in await store.past_term(NOW)]
    expected = [
        (first.id, date(2020, 11, 1), 1, 0),
        (spain.id, date(2020, 11, 1), 1, 0),
        (first.id, date(2023, 5, 1), 1, 0),
    ]
    assert due == expected
    assert len(signed(migrated.dsn)) == 6  # looking changes nothing

    receipts = await delete_past_term(store, JOB, lambda: NOW, at_once=2)
    assert [(one.rule, one.first, one.deleted) for one in receipts] == [
        (rule, month, count) for rule, month, count, _ in expected
    ]
    assert deleted_text(receipts) == "0 readings, 0 documents, 3 signatures deleted"
    assert signed(migrated.dsn) == [
        (1, date(2024, 11, 21)), (2, date(2023, 5, 3)), (2, date(2024, 11, 21)),
    ]  # fmt: skip
    assert rows(migrated.dsn, "SELECT count(*)::integer FROM batch") == [(6,)]
    assert await store.past_term(NOW) == []
    assert await delete_past_term(store, JOB, lambda: NOW) == []
    told = rows(
        migrated.dsn,
        "SELECT detail ->> 'receipt', (detail ->> 'deleted')::integer, actor FROM audit_log"
        " WHERE action = 'retention.deleted' ORDER BY id",
    )
    assert told == [(str(one.uid), 1, "job:retention") for one in receipts]
    assert [one.uid for one in await store.receipts(9)] == [one.uid for one in receipts[::-1]]


@pytest.mark.parametrize(
    ("of", "name"), [(HoldOf.POINT, "SP-1"), (HoldOf.METER, "MTL/S1"), (HoldOf.ACCOUNT, "A-1")]
)
async def test_a_hold_keeps_what_belongs_to_it_until_it_is_lifted(
    migrated: Database, pool: Pool, of: HoldOf, name: str
) -> None:
    store, use = TimescaleRetentionRules(pool), rules(pool)
    await use.enter(term(24), "data protection")
    hold = await use.hold(of, name, "court 12/2026", "the customer sues")
    with pytest.raises(HoldExistsError, match="12/2026"):
        await use.hold(of, name, "court 12/2026", "once more")
    another = await use.hold(of, name, "court 13/2026", "and another")
    past = [(one.first, one.due, one.on_hold) for one in await store.past_term(NOW)]
    assert past == [(date(2020, 11, 1), 1, 1), (date(2023, 5, 1), 1, 1)]
    assert sum(one.deleted for one in await delete_past_term(store, JOB, lambda: NOW)) == 2
    kept = [(1, date(2020, 11, 19)), (1, date(2023, 5, 3))]
    assert [row for row in signed(migrated.dsn) if row in kept] == kept
    await use.lift(hold.uid, "settled")
    assert await delete_past_term(store, JOB, lambda: NOW) == []  # the other one holds
    lifted = await use.lift(another.uid, "settled as well")
    assert (lifted.name, lifted.lifted_by) == (name, CLERK.key)
    with pytest.raises(NoSuchHoldError):
        await use.lift(another.uid, "twice")
    assert sum(one.deleted for one in await delete_past_term(store, JOB, lambda: NOW)) == 2
    assert [one.lifted_by is None for one in await store.holds()] == [False, False]
    actions = rows(migrated.dsn, "SELECT action FROM audit_log WHERE action ~ 'hold' ORDER BY id")
    assert [row[0] for row in actions] == [
        *["retention.hold_placed"] * 2,
        *["retention.hold_lifted"] * 2,
    ]


async def test_documents_go_and_bills_stay(migrated: Database) -> None:
    async with timescale_utility(migrated.dsn) as utility:
        office = Office(utility)
        bills = await office.issue(2)
        await office.archive.until_idle()
        store = TimescaleRetentionRules(pool_of(utility))
        use = RetentionRules(store, CLERK, lambda: office.now)
        law = RetentionTerm(RetentionKind.DOCUMENTS, 72, LAW)
        rule = await use.enter(law, "law of the market")
        await use.hold(HoldOf.POINT, "SP-2", "court 12/2026", "the customer sues")
        before = await utility.billing.bill(bills[0].uid)
        for late, gone in ((datetime(2032, 11, 19, 23, tzinfo=UTC), 0), (LATE, 1)):
            receipts = await delete_past_term(store, JOB, lambda at=late: at)  # type: ignore[misc]
            assert [receipt.deleted for receipt in receipts] == [1] * gone
        with pytest.raises(DocumentDeletedError, match=f"under rule {rule.id} on 2032-11-20"):
            await office.archive.document(bills[0])
        assert len(office.press.printed) == 2  # nothing is rendered in its place
        assert await office.archive.document(bills[1])
        assert await utility.billing.bill(bills[0].uid) == before
        office.now = LATE
        for account, error in (("A-1", AccountInUseError), ("A-2", OnHoldError)):
            with pytest.raises(error):
                await EraseAccount(utility.registry, utility.settings, CLERK)(account, "asked")
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        for wrong in (
            "UPDATE bill_document SET content = NULL WHERE content IS NOT NULL",
            "UPDATE bill_document SET receipt_id = 1, content = NULL, sha256 = sha256('')",
            "UPDATE bill_document SET content = '', receipt_id = NULL WHERE content IS NULL",
            "DELETE FROM bill_document",
        ):
            with pytest.raises((errors.RestrictViolation, errors.CheckViolation)):
                owner.execute(wrong.encode())


async def test_nothing_is_deleted_after_a_restore_until_somebody_resumes(
    migrated: Database, pool: Pool
) -> None:
    store, use = TimescaleRetentionRules(pool), rules(pool)
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO audit_log (at, actor, via, action, subject, detail)"
            " VALUES ('2026-11-19Z', 'ops', 'command', 'backup.restore', 'database', '{}')"
        )
    assert await delete_past_term(store, JOB, lambda: NOW) == []  # nothing says that any is
    await use.enter(term(24), "data protection")
    with pytest.raises(RetentionPausedError, match="restored on 2026-11-19"):
        await delete_past_term(store, JOB, lambda: NOW)
    assert len(signed(migrated.dsn)) == 6
    await use.hold(HoldOf.POINT, "SP-1", "court 12/2026", "it is not in the backup")
    await use.resume("rules and holds are those of before")
    assert sum(one.deleted for one in await delete_past_term(store, JOB, lambda: NOW)) == 2


async def test_what_is_not_there_is_refused_by_name(pool: Pool) -> None:
    use = rules(pool)
    for wrong in (
        use.enter(term(24, "nowhere"), "r"),
        use.hold(HoldOf.ACCOUNT, "A-9", "c", "r"),
        use.hold(HoldOf.POINT, "SP-9", "c", "r"),
        use.hold(HoldOf.METER, "MTL/9", "c", "r"),
    ):
        with pytest.raises(NotRegisteredError):
            await wrong
    for empty in (
        use.enter(term(24), " "),
        use.hold(HoldOf.POINT, "SP-1", "", "r"),
        use.hold(HoldOf.POINT, "SP-1", "c", "x" * 501),
    ):
        with pytest.raises(InvalidValueError):
            await empty
    for months in (0, 14, 1_201):
        with pytest.raises(InvalidValueError, match="15 to 1200"):
            term(months)


async def test_nobody_deletes_past_the_rules(migrated: Database, pool: Pool) -> None:
    await rules(pool).enter(term(None), "without an end")
    assert await delete_past_term(TimescaleRetentionRules(pool), JOB, lambda: NOW) == []
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        for wrong in (
            "DELETE FROM batch_signature",
            "UPDATE batch_signature SET body = ''",
            "DELETE FROM retention_rule",
            "TRUNCATE batch_signature",
        ):
            with pytest.raises(errors.RestrictViolation):
                owner.execute(wrong.encode())
    with psycopg.connect(migrated.dsn_as("meterline_app"), autocommit=True) as app:
        for wrong in (
            "DELETE FROM batch_signature",
            "SET meterline.deleting = 'on'; DELETE FROM batch_signature",
            "INSERT INTO retention_receipt (rule_id) VALUES (1)",
            "UPDATE legal_hold SET reason = ''",
            "DELETE FROM legal_hold",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                app.execute(wrong.encode())
