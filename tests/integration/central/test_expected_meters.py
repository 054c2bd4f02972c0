"""A meter that is put in before it speaks is known since the centre's clock says so."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg

from tests.support.books import timescale_utility
from tests.support.servers import Database


async def test_a_meter_is_expected_from_the_clock_that_was_given(plain_migrated: Database) -> None:
    now = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    async with timescale_utility(plain_migrated.dsn) as utility:
        utility.now = now
        await utility.found()
    with psycopg.connect(plain_migrated.dsn) as connection:
        rows = connection.execute("SELECT first_seen_at FROM meter").fetchall()
    assert rows == [(now,)]
