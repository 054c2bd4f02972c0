"""The newest settled version of a part is what goes on, and nobody changes one: on every server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from fractions import Fraction
from typing import LiteralString

import psycopg
import pytest
from psycopg import errors

from central.adapters.timescale.billing.state_text import state_text
from central.domain.billing.state import BillState
from central.domain.rating.inputs.carried_state import CarriedState, Credit
from tests.support.books import Utility, timescale_utility
from tests.support.daily_books import approve, bill, found, issue, measured, run, settle
from tests.support.servers import Database

SEPTEMBER, OCTOBER, NOVEMBER = (date(2026, month, 1) for month in (9, 10, 11))
DECIDED = """\
INSERT INTO correction (
    uid, account_id, way, from_bill_id, reason, difference_sha256, decided_by, decided_at
)
SELECT gen_random_uuid(), account_id, %(way)s, id, 'late data', sha256('x'), 'clerk', made_at
FROM bill WHERE state = 'issued' ORDER BY id LIMIT 1
RETURNING id
"""
APPROVED = """\
UPDATE correction SET state = 'approved', approved_by = 'chief', approved_at = decided_at
WHERE id = %(correction)s
"""
VERSION = """\
INSERT INTO settled_version (
    part_id, version, correction_id, bill_id, account_id, supply, lines, kwh, opening_sha256,
    closing_sha256, closing
)
SELECT
    part.id, %(version)s, %(correction)s, bill.id, bill.account_id, '{}', '[]', 0,
    part.opening_sha256, %(sha256)s, %(closing)s
FROM bill JOIN bill_part AS part ON part.bill_id = bill.id
WHERE bill.state = 'issued' ORDER BY bill.id LIMIT 1
"""
KEPT: tuple[LiteralString, ...] = (
    "UPDATE settled_version SET kwh = 1",
    "DELETE FROM settled_version",
    "TRUNCATE settled_version CASCADE",
    "DELETE FROM correction",
    "UPDATE correction SET reason = 'another'",
    "UPDATE correction SET state = 'withdrawn', approved_by = NULL, approved_at = NULL",
    "UPDATE settled_stamp SET number = 2",
)
STAMPED = """\
INSERT INTO settled_stamp (part_id, number, noted_at)
SELECT min(id), 1, '2026-11-20' FROM bill_part
"""
LEFT = CarriedState(credits=(Credit("saved", "", SEPTEMBER, Fraction(100)),), tariff="FLAT")


def version(
    connection: psycopg.Connection, number: int = 2, *, way: str = "adjust", approved: bool = True
) -> None:
    """Settle the first issued part anew."""
    (correction,) = connection.execute(DECIDED, {"way": way}).fetchone() or (None,)
    text, sha256 = state_text(LEFT)
    values = {"correction": correction, "version": number, "sha256": sha256}
    connection.execute(VERSION, {**values, "closing": text})
    if approved:
        connection.execute(APPROVED, values)


@contextmanager
def refused(dsn: str) -> Iterator[psycopg.Connection]:
    """A transaction of the owner that is refused, at its end at the latest."""
    with psycopg.connect(dsn) as connection:
        try:
            yield connection
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except errors.RestrictViolation:
            connection.rollback()
        else:
            pytest.fail("the database refuses nothing")


async def september(utility: Utility) -> None:
    """One customer, whose September is issued, and October measured."""
    await found(utility, since=SEPTEMBER)
    await measured(utility, SEPTEMBER, NOVEMBER)
    await settle(utility, "2026-09")


async def test_the_next_part_opens_with_the_newest_version(migrated: Database) -> None:
    async with timescale_utility(migrated.dsn) as utility:
        await september(utility)
        summary = await run(utility, "2026-10")
        october = await bill(utility, "A-1", "2026-10")
        with psycopg.connect(migrated.dsn) as owner:
            version(owner)
        # The draft opened with what September left before, and is neither approved nor left alone.
        assert await approve(utility, summary) == [("A-1", "BILL_STALE")]
        assert (await run(utility, "2026-10")).bills == {BillState.DRAFT: 1}
        with psycopg.connect(migrated.dsn) as owner:
            opened = (
                "SELECT opening_sha256 FROM bill_part JOIN bill ON bill.id = bill_id WHERE uid = %s"
            )
            (row,) = owner.execute(opened, [october.uid]).fetchall()
        assert bytes(row[0]) == state_text(LEFT)[1]
        assert await approve(utility, summary) == []
        assert await issue(utility, summary) == []


async def test_a_version_follows_and_is_kept_also_from_its_owner(plain_migrated: Database) -> None:
    async with timescale_utility(plain_migrated.dsn) as utility:
        await september(utility)
    for wrong in ({"number": 3}, {"approved": False}, {"way": "leave"}):
        with refused(plain_migrated.dsn) as owner:
            version(owner, **wrong)
    with psycopg.connect(plain_migrated.dsn) as owner:
        version(owner)
    for statement in KEPT:
        with refused(plain_migrated.dsn) as owner:
            owner.execute(STAMPED)
            owner.execute(statement)


async def test_one_decision_waits_and_another_person_approves_it(plain_migrated: Database) -> None:
    async with timescale_utility(plain_migrated.dsn) as utility:
        await september(utility)
    with psycopg.connect(plain_migrated.dsn, autocommit=True) as owner:
        (correction,) = owner.execute(DECIDED, {"way": "adjust"}).fetchone() or (None,)
        with pytest.raises(errors.UniqueViolation):
            owner.execute(DECIDED, {"way": "leave"})
        with pytest.raises(errors.RestrictViolation):
            owner.execute(APPROVED.replace("chief", "clerk"), {"correction": correction})
