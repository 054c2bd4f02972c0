"""Lines of the former layout are brought over as they were, by whoever continues too."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from central.adapters.timescale.migrate import MIGRATIONS, migrate
from central.adapters.timescale.wide_lines import bring_lines_over
from tests.contract.billing.test_wide_blocks import KilledError, former
from tests.support.servers import Database

BEFORE = 58
BILLS = 5
MADE = datetime(2026, 11, 20, 3, tzinfo=UTC)
_HEADING = "charge, kind, name, label, quantity, unit, price, amount, lineage"
_BILLS = """\
INSERT INTO bill_run (uid, cycle, run_type, creator, started_at)
VALUES (gen_random_uuid(), '2026-10', 'regular', 'clerk', %(made)s);
INSERT INTO account (uid, number, name, created_at)
VALUES (gen_random_uuid(), 'A-1', 'Customer', %(made)s);
INSERT INTO bill (
    uid, run_id, account_id, cycle, run_type, revision, state, holds, first_day, end_day, kwh,
    currency, total, sha256, document, creator, made_at, contributors
)
SELECT
    gen_random_uuid(), bill_run.id, account.id, 'period-' || n, 'regular', 0, 'draft', '[]',
    '2026-10-01', '2026-11-01', 0, 'EUR', 1, sha256('x'), '{}', 'clerk', %(made)s, '{clerk}'
FROM bill_run, account, generate_series(1, %(bills)s) AS n
"""
Line = tuple[object, ...]


def lines(bill: int) -> list[Line]:
    """A charge and a tax, of two points, with numbers that do not begin at 1."""
    return [
        (
            *(bill, number, point, charge, "energy", 'A "name" \\ é', "", bill * number),
            *("kWh", price, f"{bill}.{number:02d}"),
            json.dumps(
                {
                    "id": charge,
                    "kind": "energy",
                    "name": 'A "name" \\ é',
                    "label": "",
                    "quantity": str(bill * number),
                    "unit": "kWh",
                    "price": price,
                    "tier": 0,
                    "amount": f"{bill}.{number:02d}",
                    "determinants": [{"sha256": "ab" * 32}],
                }
            ),
        )
        for number, point, charge, price in ((2, "SP-1", "use", "0.3"), (4, 'SP "2"', "tax", None))
    ]


def written(owner: psycopg.Connection[tuple[object, ...]], bill: int, table: str) -> None:
    known = ""
    if table.startswith("past"):
        known = ", '2026-10-01', '2026-10-02'"
    columns = "bill_id, number, service_point, " + _HEADING
    columns += ", known_from, known_until" if known else ""
    for row in lines(bill):
        places = ", ".join(["%s"] * len(row))
        owner.execute(f"INSERT INTO {table} ({columns}) VALUES ({places}{known})".encode(), row)  # noqa: S608


def shown(owner: psycopg.Connection[tuple[object, ...]], schema: str) -> list[tuple[object, ...]]:
    table = f"SELECT bill_id, number, service_point, {_HEADING} FROM {schema} ORDER BY 1, 2"  # noqa: S608
    return owner.execute(table.encode()).fetchall()


def test_they_are_what_they_were(database: Database, tmp_path: Path) -> None:
    migrate(database.dsn, former(tmp_path, f"{BEFORE:04d}"))
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        owner.execute("SET meterline.recorded_at = '2026-11-20'")
        cursor = psycopg.ClientCursor(owner)
        cursor.execute(_BILLS, {"made": MADE, "bills": BILLS})
        for bill in range(1, BILLS + 1):
            written(owner, bill, "bill_line")
        written(owner, 1, "past.bill_line")
        written(owner, 7, "past.bill_line")
        before = shown(owner, "bill_line")
        # What is issued stays as it is, and is brought over all the same.
        owner.execute("UPDATE bill SET state = 'approved', approver = 'chief' WHERE id = 2")
    for script in MIGRATIONS.glob(f"{BEFORE:04d}*"):
        shutil.copy(script, tmp_path)
    migrate(database.dsn, tmp_path)

    def kill(done: int, whole: int) -> None:
        raise KilledError(done, whole)

    parts = []
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        for _ in range(4):
            with pytest.raises(KilledError) as killed:
                bring_lines_over(owner, kill, batch=2)
            parts.append(killed.value.args)
    assert parts == [(2, BILLS), (4, BILLS), (BILLS, BILLS), (2, 2)]
    migrate(database.dsn)
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        assert shown(owner, "bill_line") == before
        assert owner.execute("SELECT count(*) FROM line_form").fetchone() == (2,)
        left = "SELECT to_regclass('bill_line_wide'), to_regclass('past.bill_line_wide')"
        assert owner.execute(left).fetchone() == (None, None)
        owner.execute("SET meterline.as_of = '2026-10-01 12:00+00'")
        owner.execute("SET search_path = as_of")
        assert [row for row in shown(owner, "bill_line") if row[0] == 1] == before[:2]
        assert {row[0] for row in shown(owner, "bill_line")} == {1, 7}


def test_sql_alone_drops_none_that_is_not_brought_over(
    plain_database: Database, tmp_path: Path
) -> None:
    migrate(plain_database.dsn, former(tmp_path, f"{BEFORE:04d}"))
    with psycopg.connect(plain_database.dsn, autocommit=True) as owner:
        owner.execute("SET meterline.recorded_at = '2026-11-20'")
        psycopg.ClientCursor(owner).execute(_BILLS, {"made": MADE, "bills": 1})
        written(owner, 1, "bill_line")
    for script in MIGRATIONS.glob(f"{BEFORE:04d}*"):
        shutil.copy(script, tmp_path)
    migrate(plain_database.dsn, tmp_path)
    with psycopg.connect(plain_database.dsn, autocommit=True) as owner:
        owner.execute("SET meterline.migrating = 'on'")
        with pytest.raises(psycopg.errors.RaiseException, match="not brought over"):
            owner.execute((MIGRATIONS / f"{BEFORE + 1:04d}_wide_lines.sql").read_bytes())
        assert owner.execute("SELECT count(*) FROM bill_line_wide").fetchone() == (2,)
