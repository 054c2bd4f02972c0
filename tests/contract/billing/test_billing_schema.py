"""What the database itself refuses, on every server found."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest

from tests.support import block_rows
from tests.support.servers import Database


@pytest.fixture
def app(migrated: Database) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(migrated.dsn_as("meterline_app"), autocommit=True) as connection:
        yield connection


def _one(app: psycopg.Connection[tuple[object, ...]], query: str, *args: object) -> int:
    row = app.execute(query.encode(), args).fetchone()
    assert row is not None
    assert isinstance(row[0], int)
    return row[0]


def _bill(app: psycopg.Connection[tuple[object, ...]]) -> int:
    account = _one(
        app,
        "INSERT INTO account (uid, number, name, created_at) VALUES (%s, 'A1', 'Ada', now())"
        " RETURNING id",
        uuid4(),
    )
    run = _one(
        app,
        "INSERT INTO bill_run (uid, cycle, run_type, creator, started_at)"
        " VALUES (%s, '2026-10', 'regular', 'clerk', now()) RETURNING id",
        uuid4(),
    )
    return _one(
        app,
        "INSERT INTO bill (uid, run_id, account_id, cycle, run_type, state, first_day, end_day,"
        " currency, total, sha256, creator, made_at, document)"
        " VALUES (%s, %s, %s, '2026-10', 'regular',"
        " 'draft', '2026-10-01', '2026-11-01', 'EUR', 1, sha256('x'), 'clerk', now(), '{}')"
        " RETURNING id",
        uuid4(),
        run,
        account,
    )


def _point(app: psycopg.Connection[tuple[object, ...]], name: str) -> int:
    return _one(
        app,
        "INSERT INTO service_point (uid, name, zone, created_at) VALUES (%s, %s, 'UTC', now())"
        " RETURNING id",
        uuid4(),
        name,
    )


def test_a_meter_is_never_in_two_places(app: psycopg.Connection[tuple[object, ...]]) -> None:
    gateway = _one(app, "INSERT INTO gateway (name, enrolled_at) VALUES ('gw', now()) RETURNING id")
    meter = _one(
        app,
        "INSERT INTO meter (manufacturer, serial, gateway_id, first_seen_at)"
        " VALUES ('ABC', '1', %s, now()) RETURNING id",
        gateway,
    )
    install = (
        "INSERT INTO installation (uid, service_point_id, meter_id, during)"
        " VALUES (%s, %s, %s, tstzrange(%s, %s)) RETURNING id"
    )
    here, there = _point(app, "here"), _point(app, "there")
    _one(app, install, uuid4(), here, meter, "2026-01-01Z", "2026-06-01Z")
    with pytest.raises(psycopg.errors.ExclusionViolation):
        _one(app, install, uuid4(), there, meter, "2026-05-01Z", None)
    _one(app, install, uuid4(), there, meter, "2026-06-01Z", None)


def test_blocks_only_grow_by_versions(app: psycopg.Connection[tuple[object, ...]]) -> None:
    app.execute(block_rows.ATTACH)
    app.execute(block_rows.INSERT)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("UPDATE day_block SET zeros = 0")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("DELETE FROM day_block")


def test_even_the_owner_cannot_change_a_block(migrated: Database) -> None:
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        owner.execute(block_rows.ATTACH)
        owner.execute(block_rows.INSERT)
        for change in (
            "UPDATE day_block SET zeros = 0",
            "DELETE FROM day_block",
            "UPDATE block_heading SET exponent = 1",
            "DELETE FROM block_heading",
        ):
            with pytest.raises(psycopg.errors.RestrictViolation):
                owner.execute(change.encode())


def test_a_bill_needs_four_eyes(app: psycopg.Connection[tuple[object, ...]]) -> None:
    bill = _bill(app)
    with pytest.raises(psycopg.errors.CheckViolation, match="bill_needs_four_eyes"):
        app.execute("UPDATE bill SET state = 'approved', approver = 'clerk' WHERE id = %s", (bill,))
    app.execute("UPDATE bill SET contributors = '{deputy}' WHERE id = %s", (bill,))
    with pytest.raises(psycopg.errors.CheckViolation, match="bill_needs_four_eyes"):
        app.execute(
            "UPDATE bill SET state = 'approved', approver = 'deputy' WHERE id = %s", (bill,)
        )
    with pytest.raises(psycopg.errors.RestrictViolation, match="keeps its creator"):
        app.execute("UPDATE bill SET contributors = '{}' WHERE id = %s", (bill,))
    app.execute("UPDATE bill SET state = 'approved', approver = 'chief' WHERE id = %s", (bill,))


def test_an_issued_bill_is_never_changed(app: psycopg.Connection[tuple[object, ...]]) -> None:
    bill = _bill(app)
    app.execute(
        "INSERT INTO line_form (sha256, charge, kind, name, label, unit, amount_at, price_at,"
        " quantity_at, content) VALUES (sha256('x'), 'c', 'fixed', 'C', '', '', 3, 4, 5,"
        ' E\'{"amount":\x1f,"price":\x1f,"quantity":\x1f}\')'
    )
    line = (
        "INSERT INTO bill_figures SELECT %s, array_agg(id),"
        ' E\'"SP"\x1e1\x1f$1\x1f"1.00"\x1fnull\x1f"2"\' FROM line_form'
    )
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        app.execute("INSERT INTO bill_figures VALUES (%s, '{77}', E'\\x1e1')", (bill,))
    app.execute(line, (bill,))
    assert app.execute("SELECT * FROM bill_line WHERE bill_id = %s", (bill,)).fetchall() == [
        (
            *(bill, 1, "SP", "c", "fixed", "C", "", Decimal(2), "", None, Decimal(1)),
            {"amount": "1.00", "price": None, "quantity": "2"},
        )
    ]
    for figures in ("1", "E'\\x1e\\\\u0000'"):
        with pytest.raises(psycopg.errors.CheckViolation):
            app.execute(f"INSERT INTO bill_figures VALUES (0, '{{1}}', {figures})".encode())  # noqa: S608
    app.execute("UPDATE bill SET state = 'approved', approver = 'chief' WHERE id = %s", (bill,))
    with pytest.raises(psycopg.errors.RestrictViolation):
        app.execute("UPDATE bill SET total = 2 WHERE id = %s", (bill,))
    app.execute(
        "UPDATE bill SET state = 'issued', series = 'INV', legal_number = 1, issued_at = now(),"
        " number = 'INV-000001', issued_on = '2026-11-02', due_on = '2026-11-16', issue = '{}',"
        " content_sha256 = sha256('x') WHERE id = %s",
        (bill,),
    )
    with pytest.raises(psycopg.errors.RestrictViolation) as refused:
        app.execute("UPDATE bill SET state = 'draft' WHERE id = %s", (bill,))
    assert refused.value.diag.message_hint == "Cancel it: a credit note is a bill of its own."
    assert app.execute("SELECT FROM pg_proc WHERE prosrc ILIKE '%Cancel the%'").fetchall() == []
    for change in (
        "UPDATE bill SET number = 'INV-2'",
        "UPDATE bill SET due_on = due_on + 1",
        "UPDATE bill SET issue = '{\"a\": 1}'",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            app.execute(change.encode())
    with pytest.raises(psycopg.errors.RestrictViolation):
        app.execute("DELETE FROM bill_figures WHERE bill_id = %s", (bill,))


def test_an_approved_bill_gets_no_line(app: psycopg.Connection[tuple[object, ...]]) -> None:
    bill = _bill(app)
    app.execute("UPDATE bill SET state = 'approved', approver = 'chief' WHERE id = %s", (bill,))
    with pytest.raises(psycopg.errors.RestrictViolation):
        app.execute("INSERT INTO bill_figures VALUES (%s, '{}', '')", (bill,))
