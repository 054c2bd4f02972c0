"""Databases that are copied for a test, and what they are copied from."""

from __future__ import annotations

import psycopg
import pytest

from tests.conftest import RunningPostgres
from tests.support.servers import MIGRATED, Template, fresh_database


def test_a_template_is_filled_once_and_no_copy_changes_it(postgres: RunningPostgres) -> None:
    filled: list[str] = []

    def fill(dsn: str) -> None:
        filled.append(dsn)
        with psycopg.connect(dsn) as connection:
            connection.execute("CREATE TABLE mark AS SELECT 1 AS number")

    template = Template("template_filled", fill, MIGRATED)
    for _ in range(2):
        with (
            fresh_database(*postgres, template) as copy,
            psycopg.connect(copy.dsn) as connection,
        ):
            found = connection.execute("DELETE FROM mark RETURNING number").fetchall()
            assert found == [(1,)]
    assert len(filled) == 1


def test_a_template_that_cannot_be_filled_is_none(postgres: RunningPostgres) -> None:
    wrong = Template("template_wrong", lambda _: 1 // 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), fresh_database(*postgres, wrong):
            pass
