"""A long log is entered by an index: whoever asks for one thing does not read all others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import psycopg

from central.adapters.timescale.audit.write import SQL
from central.service.ports.audit import AuditFilter
from tests.support.servers import Database

ROWS = 5_000
FILL = """\
INSERT INTO audit_log (at, actor, via, action, subject, detail)
SELECT
    '2026-11-20T12:00:00Z', 'clerk', 'command', 'bill.approved',
    CASE number %% 2 WHEN 0 THEN 'b' || number ELSE '2 bills' END,
    CASE number %% 2 WHEN 0 THEN '{"old": null, "new": null}'
    ELSE jsonb_build_object('bills', jsonb_build_array('b' || number - 1, 'b' || number)) END
FROM generate_series(1, %s) AS number
"""


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def test_the_rows_of_a_subject_are_found_by_an_index(plain_migrated: Database) -> None:
    values = {**asdict(AuditFilter(subject="b2000")), "limit": 100}
    with psycopg.connect(plain_migrated.dsn) as owner:
        owner.execute(FILL, [ROWS])
        owner.execute("ANALYZE audit_log")
        found = owner.execute(SQL["rows_of_subject"], values).fetchall()
        explained = "EXPLAIN (ANALYZE, FORMAT JSON) " + SQL["rows_of_subject"]
        row = owner.execute(explained, values).fetchone()
    assert [one[5] for one in found] == ["2 bills", "b2000"]
    assert row is not None
    read = [
        node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        for node in nodes(row[0][0]["Plan"])
        if node.get("Relation Name") == "audit_log"
    ]
    assert read, "it reads the log"
    assert max(read) <= 2
