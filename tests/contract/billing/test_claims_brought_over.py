"""Bills from before there were claims: their days are claimed once, and what is left is named."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from central.adapters.timescale.audit.store import TimescaleAuditStore
from central.adapters.timescale.billing.claim_conflicts import TimescaleClaimConflicts
from central.adapters.timescale.migrate import MIGRATIONS, migrate
from central.adapters.timescale.pool import make_pool
from central.domain.billing.claim_conflict import ClaimDecision, ConflictKind
from central.service.billing.decide_claims import NoSuchClaimConflictError, decide_claim_conflict
from central.service.ports.audit import AuditFilter
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import noted
from tests.support.servers import Database

BEFORE = 6

_REGISTRY = """\
INSERT INTO service_point (uid, name, zone)
SELECT gen_random_uuid(), 'SP-' || n, 'UTC' FROM generate_series(1, 3) AS n;
INSERT INTO point_channel (service_point_id, obis, period_s, unit)
VALUES (1, '\\x0100010800ff', 900, 'Wh'), (2, '\\x0700030000ff', 3600, 'L');
INSERT INTO account (uid, number, name)
SELECT gen_random_uuid(), 'A-' || n, 'Customer' FROM generate_series(1, 4) AS n;
INSERT INTO tariff (name) VALUES ('HOME'), ('NEW');
INSERT INTO agreement (uid, account_id, service_point_id, tariff_id, during) VALUES
    -- One occupancy over two tariffs, then another customer.
    (gen_random_uuid(), 1, 1, 1, '[2026-01-01,2026-10-01)'),
    (gen_random_uuid(), 1, 1, 2, '[2026-10-01,2026-10-21)'),
    (gen_random_uuid(), 2, 1, 1, '[2026-10-21,)'),
    -- Two occupancies with a gap between them.
    (gen_random_uuid(), 3, 2, 1, '[2026-01-01,2026-03-01)'),
    (gen_random_uuid(), 3, 2, 1, '[2026-05-01,)'),
    (gen_random_uuid(), 4, 3, 1, '[2026-09-01,)');
INSERT INTO bill_run (uid, cycle, run_type, creator, started_at)
SELECT gen_random_uuid(), cycle, 'regular', 'clerk', '2026-11-02Z'
FROM unnest('{2026-07,2026-09,2026-10,2026-09@15}'::text[]) AS cycle;
"""
_BILL = """\
WITH made AS (
    INSERT INTO bill (
        uid, run_id, account_id, cycle, run_type, state, first_day, end_day, currency, total,
        sha256, creator, made_at, document
    )
    SELECT
        gen_random_uuid(), bill_run.id, %(account)s, bill_run.cycle, 'regular', 'draft',
        %(first)s, %(end)s, 'EUR', 1, sha256('x'), 'clerk', '2026-11-02Z', '{}'
    FROM bill_run WHERE bill_run.cycle = %(cycle)s
    RETURNING id
)
INSERT INTO bill_part (bill_id, agreement_id, first_day, end_day, closing)
SELECT id, %(agreement)s, %(first)s, %(end)s, '{}' FROM made
RETURNING bill_id
"""
_APPROVE = "UPDATE bill SET state = 'approved', approver = 'chief' WHERE id = %s"
_ISSUE = """\
UPDATE bill SET state = 'issued', series = 'INV', legal_number = id,
    issued_at = '2026-11-03Z'::timestamptz + id * interval '1 minute'
WHERE id = %s
"""


@pytest.fixture
def old(database: Database, tmp_path: Path) -> psycopg.Connection[tuple[object, ...]]:
    """A database of the release before, with a registry."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    for path in folder.glob("[0-9]*.sql"):
        if int(path.name[:4]) > BEFORE:
            path.unlink()
    migrate(database.dsn, folder)
    connection = psycopg.connect(database.dsn, autocommit=True)
    connection.execute(_REGISTRY)
    return connection


def bill(  # noqa: PLR0913, PLR0917 - what a bill of one part is
    old: psycopg.Connection[tuple[object, ...]],
    account: int,
    agreement: int,
    cycle: str,
    first: str,
    end: str,
    state: str = "issued",
) -> int:
    values = {"account": account, "agreement": agreement, "cycle": cycle}
    row = old.execute(_BILL, {**values, "first": first, "end": end}).fetchone()
    assert row is not None
    key = int(str(row[0]))
    if state != "draft":
        old.execute(_APPROVE, (key,))
    if state == "issued":
        old.execute(_ISSUE, (key,))
    return key


def listed(connection: psycopg.Connection[tuple[object, ...]], query: str) -> list[list[str]]:
    found = connection.execute(query.encode()).fetchall()
    return [["" if value is None else str(value) for value in row] for row in found]


def test_todays_bills_claim_their_days_and_the_rest_is_named(
    database: Database, old: psycopg.Connection[tuple[object, ...]]
) -> None:
    # Three cycles that overlap, all issued; the first of them issued holds the days.
    bill(old, 1, 1, "2026-09", "2026-09-01", "2026-10-01")
    bill(old, 1, 2, "2026-10", "2026-10-01", "2026-10-21")
    bill(old, 1, 1, "2026-09@15", "2026-09-15", "2026-10-01")
    bill(old, 2, 3, "2026-10", "2026-10-21", "2026-11-01", "draft")
    # August was never billed, and some days of July are on a second bill that is only approved.
    bill(old, 3, 5, "2026-07", "2026-07-01", "2026-08-01")
    bill(old, 3, 5, "2026-09@15", "2026-07-15", "2026-08-01", "approved")
    bill(old, 3, 5, "2026-09", "2026-09-01", "2026-10-01", "approved")
    bill(old, 4, 6, "2026-09@15", "2026-09-15", "2026-10-15")
    bill(old, 4, 6, "2026-09", "2026-09-01", "2026-10-01")

    migrate(database.dsn)

    assert listed(
        old,
        "SELECT account_id, name, billing_from, ended_on, agreements FROM occupancy"
        " JOIN service ON service.id = service_id JOIN (SELECT occupancy_id, count(*) AS agreements"
        " FROM agreement GROUP BY 1) AS agreed ON agreed.occupancy_id = occupancy.id"
        " ORDER BY occupancy.id",
    ) == [
        ["1", "electricity", "2026-09-01", "2026-10-21", "2"],
        ["2", "electricity", "2026-10-21", "", "1"],
        ["3", "gas", "2026-01-01", "2026-03-01", "1"],
        ["3", "gas", "2026-07-01", "", "1"],
        ["4", "usage", "2026-09-01", "", "1"],
    ]
    assert listed(
        old,
        "SELECT occupancy_id, first_day, end_day, part_id FROM billed_period"
        " ORDER BY occupancy_id, end_day",
    ) == [
        ["1", "", "2026-09-01", ""],
        ["1", "2026-09-01", "2026-10-01", "1"],
        ["1", "2026-10-01", "2026-10-21", "2"],
        ["2", "", "2026-10-21", ""],
        ["2", "2026-10-21", "2026-11-01", "4"],
        ["3", "", "2026-01-01", ""],
        ["4", "", "2026-07-01", ""],
        ["4", "2026-07-01", "2026-08-01", "5"],
        ["4", "2026-08-01", "2026-09-01", ""],
        ["4", "2026-09-01", "2026-10-01", "7"],
        ["5", "", "2026-09-01", ""],
        ["5", "2026-09-01", "2026-09-15", "9"],
        ["5", "2026-09-15", "2026-10-15", "8"],
    ]
    assert listed(
        old,
        "SELECT occupancy_id, kind, first_day, end_day, part_id FROM claim_conflict ORDER BY 1, 3",
    ) == [
        ["1", "before_first_bill", "2026-01-01", "2026-09-01", ""],
        ["1", "billed_twice", "2026-09-15", "2026-10-01", "3"],
        ["4", "before_first_bill", "2026-05-01", "2026-07-01", ""],
        ["4", "discarded", "2026-07-15", "2026-08-01", "6"],
        ["4", "not_billed", "2026-08-01", "2026-09-01", ""],
        ["5", "billed_twice", "2026-09-15", "2026-10-01", "9"],
    ]
    states = "SELECT state FROM bill WHERE id IN (4, 6, 7) ORDER BY id"
    assert listed(old, states) == [["draft"], ["discarded"], ["approved"]]
    tally = "SELECT sum(bills) FROM bill_tally WHERE state = 'discarded'"
    assert listed(old, tally) == [["1"]]
    old.close()


async def test_what_no_claim_holds_names_its_bills_and_is_decided_once(
    database: Database, old: psycopg.Connection[tuple[object, ...]]
) -> None:
    bill(old, 3, 5, "2026-07", "2026-07-01", "2026-08-01")
    bill(old, 3, 5, "2026-09", "2026-09-01", "2026-10-01")
    bill(old, 3, 5, "2026-09@15", "2026-09-15", "2026-10-15")
    old.close()
    migrate(database.dsn)
    note = noted(datetime(2026, 11, 4, tzinfo=UTC), reason="credited by letter")
    async with make_pool(database.dsn, max_size=1) as pool:
        store = TimescaleClaimConflicts(pool)
        first = await store.conflicts(limit=2)
        rest = await store.conflicts(limit=2, after=first.after)
        shown = {row.kind: row for row in (*first.rows, *rest.rows)}
        assert list(shown) == [
            ConflictKind.BILLED_TWICE,
            ConflictKind.NOT_BILLED,
            ConflictKind.BEFORE_FIRST_BILL,
        ]
        twice, hole = shown[ConflictKind.BILLED_TWICE], shown[ConflictKind.NOT_BILLED]
        assert (twice.account_number, twice.service_point, twice.service) == ("A-3", "SP-2", "gas")
        assert (twice.first, twice.last) == (date(2026, 9, 15), date(2026, 9, 30))
        assert twice.bill is not None
        assert (twice.bill.cycle, twice.bill.state) == ("2026-09@15", "issued")
        assert [other.cycle for other in twice.others] == ["2026-09"]
        assert hole.bill is None
        assert [other.cycle for other in hole.others] == ["2026-07", "2026-09"]
        with pytest.raises(InvalidValueError, match="reason"):
            await decide_claim_conflict(store, twice.id, ClaimDecision.SETTLE, noted(note.at))
        await decide_claim_conflict(store, twice.id, ClaimDecision.SETTLE, note)
        for key in (twice.id, 99, -1, 2**64):
            with pytest.raises(NoSuchClaimConflictError):
                await decide_claim_conflict(store, key, ClaimDecision.LEAVE, note)
        assert await store.count() == (2, 1)
        (decided,) = (await store.conflicts(decided=True, limit=9)).rows
        assert (decided.id, decided.decision) == (twice.id, ClaimDecision.SETTLE)
        assert (decided.reason, decided.decided_by) == ("credited by letter", "operator")
        (row,) = await TimescaleAuditStore(pool).rows(AuditFilter(action="claim_conflict"), 9)
        assert (row.subject, row.detail["reason"]) == ("A-3", "credited by letter")
        assert row.detail["new"] == {"claim_conflict": twice.id, "decision": "settle"}
    with psycopg.connect(database.dsn) as owner, pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute("UPDATE claim_decision SET reason = 'other'")


def test_days_issued_beyond_an_end_are_named(
    database: Database, old: psycopg.Connection[tuple[object, ...]]
) -> None:
    bill(old, 1, 2, "2026-10", "2026-10-01", "2026-11-01")
    migrate(database.dsn)
    assert listed(old, "SELECT kind, first_day, end_day FROM claim_conflict ORDER BY 1") == [
        ["before_first_bill", "2026-01-01", "2026-10-01"],
        ["beyond_end", "2026-10-21", "2026-11-01"],
    ]
    old.close()


def test_no_day_is_claimed_twice_and_no_claim_is_cut_out(
    database: Database, old: psycopg.Connection[tuple[object, ...]]
) -> None:
    for cycle, first, end in [
        ("2026-07", "2026-07-01", "2026-08-01"),
        ("2026-09", "2026-08-01", "2026-09-01"),
    ]:
        bill(old, 3, 5, cycle, first, end, "draft")
    migrate(database.dsn)
    key = listed(old, "SELECT id FROM occupancy WHERE account_id = 3 ORDER BY id")[1][0]
    add = "INSERT INTO billed_period VALUES (%s, %s, %s, 99)"
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        old.execute(add, (key, "2026-10-01", "2026-11-01"))
    for first in ("2026-07-01", "2026-08-01"):
        with pytest.raises(psycopg.errors.UniqueViolation):
            old.execute(add, (key, first, "2026-08-15"))
    with pytest.raises(psycopg.errors.UniqueViolation):
        old.execute("INSERT INTO billed_period VALUES (%s, NULL, '2027-01-01')", (key,))
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        old.execute("DELETE FROM billed_period WHERE end_day = '2026-08-01'")
    with pytest.raises(psycopg.errors.RestrictViolation):
        old.execute("UPDATE billed_period SET end_day = '2026-09-02' WHERE end_day = '2026-09-01'")
    old.execute("UPDATE bill SET state = 'approved', approver = 'chief'")
    with pytest.raises(psycopg.errors.RestrictViolation):
        old.execute("DELETE FROM billed_period WHERE end_day = '2026-09-01'")
    old.close()
