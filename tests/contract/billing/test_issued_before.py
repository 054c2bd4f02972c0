"""Bills that an earlier release issued, on every server found."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
import pytest

from central.adapters.timescale.migrate import MIGRATIONS, migrate
from central.domain.billing.issue import FixedBy, IssueFacts
from tests.support.servers import Database

FIXING = next(MIGRATIONS.glob("*_issued.sql")).name[:4]
ISSUED = """
INSERT INTO account (uid, number, name) VALUES (gen_random_uuid(), 'A1', 'Ada');
INSERT INTO bill_run (uid, cycle, run_type, creator, started_at)
VALUES (gen_random_uuid(), '2026-10', 'regular', 'clerk', '2026-11-02Z');
INSERT INTO bill (
    uid, run_id, account_id, cycle, run_type, state, first_day, end_day, currency, total, sha256,
    creator, made_at, document
)
SELECT
    gen_random_uuid(), bill_run.id, account.id, month, 'regular', 'draft', '2026-10-01',
    '2026-11-01', 'EUR', 1, sha256('x'), 'clerk', '2026-11-02Z',
    jsonb_build_object('supplies', jsonb_build_array(jsonb_build_object('zone', zone)))
FROM bill_run, account, (
    VALUES ('2026-08', 'Europe/Madrid'), ('2026-09', 'Moon/Base'), ('2026-10', 'Europe/Madrid')
) AS made (month, zone);
UPDATE bill SET state = 'approved', approver = 'chief' WHERE cycle <> '2026-10';
UPDATE bill SET
    state = 'issued', series = 'ES26', legal_number = id, issued_at = '2026-11-02T23:30:00Z'
WHERE state = 'approved';
"""


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The migrations of the release before bills were fixed at issue."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for file in MIGRATIONS.glob("*.sql"):
        if file.name[:4] < FIXING:
            shutil.copy(file, folder)
    return folder


def test_what_was_issued_before_is_fixed_with_the_defaults_and_marked(
    database: Database, earlier: Path
) -> None:
    migrate(database.dsn, earlier)
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        owner.execute(ISSUED)
        migrate(database.dsn)
        rows = owner.execute(
            "SELECT number, issue, encode(sha256, 'hex'), encode(content_sha256, 'hex'),"
            " issued_on::text, due_on::text FROM bill WHERE state = 'issued' ORDER BY id"
        ).fetchall()
        # In a zone that the server does not know, it is the day in UTC.
        assert [(row[0], *row[4:]) for row in rows] == [
            ("ES26-000001", "2026-11-03", "2026-11-17"),
            ("ES26-000002", "2026-11-02", "2026-11-16"),
        ]
        for number, issue, sha256, content, *_ in rows:
            facts = IssueFacts.from_json(issue)
            assert (facts.number, facts.fixed_by) == (number, FixedBy.MIGRATION)
            assert facts.content_sha256(sha256) == content
        # Their documents are rendered like any other's.
        jobs = "SELECT count(*), max(attempts) FROM document_job"
        assert owner.execute(jobs).fetchall() == [(2, 0)]
        with pytest.raises(psycopg.errors.RestrictViolation):
            owner.execute("UPDATE bill SET due_on = due_on + 1 WHERE state = 'issued'")
        assert owner.execute("SELECT number FROM bill WHERE state = 'draft'").fetchall() == [
            (None,)
        ]


def test_the_settings_of_before_are_the_defaults_and_are_never_changed(
    database: Database,
) -> None:
    migrate(database.dsn)
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        for statement in (
            "UPDATE billing_settings SET actor = 'x'",
            "DELETE FROM billing_settings",
        ):
            with pytest.raises(psycopg.errors.RestrictViolation):
                owner.execute(statement.encode())
