"""Every statement of the store is one on each PostgreSQL found, whichever tests run there."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors

from central.adapters.timescale.queries import load_queries
from tests.support.data import REPOSITORY
from tests.support.servers import Database

STORE = REPOSITORY / "central" / "adapters" / "timescale"
# They read tables that are there only while a migration brings their rows over.
MIGRATING = {STORE / "wide_blocks.sql", STORE / "wide_lines.sql"}
FILES = sorted(set(STORE.rglob("*.sql")) - MIGRATING)
VALIDATION = STORE / "validation" / "validation.sql"
_PLACE = re.compile(r"%\((\w+)\)[bs]")
# COPY and SET are not prepared, and some are pieces of others.
_WHOLE = re.compile(r"(?:--[^\n]*\n)*(SELECT|WITH|INSERT|UPDATE|DELETE)\b(?!.*\{\w+\})", re.DOTALL)
# The types of some places come with their values alone.
UNTYPED = (errors.DatatypeMismatch, errors.IndeterminateDatatype, errors.AmbiguousFunction)


def whole(file: Path) -> dict[str, str]:
    return {name: text for name, text in load_queries(file).items() if _WHOLE.match(text)}


def prepared(statement: str) -> str:
    """A statement as it is prepared: its places numbered."""
    names = list(dict.fromkeys(_PLACE.findall(statement)))
    numbered = _PLACE.sub(lambda place: f"${names.index(place[1]) + 1}", statement)
    return f"PREPARE one AS {numbered.replace('%%', '%')}"


def refused(connection: psycopg.Connection, file: Path) -> dict[str, str]:
    """Statements of a file that the server does not take, and why."""
    found = {}
    for name, statement in whole(file).items():
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(prepared(statement).encode())
                connection.execute("DEALLOCATE one")
        except UNTYPED:
            continue
        except psycopg.Error as error:
            found[f"{file.name}: {name}"] = str(error)
    return found


def test_each_server_takes_every_statement(migrated: Database) -> None:
    with psycopg.connect(migrated.dsn, autocommit=True) as connection:
        wrong = [refused(connection, file) for file in FILES]
    assert [one for one in wrong if one] == []
    assert sum(len(whole(file)) for file in FILES) > 200


def readings_read(plan: dict[str, Any]) -> int:
    """How many rows of readings a plan took from their tables."""
    own = 0
    # TimescaleDB's own nodes name the table above those that read its chunks.
    if plan["Node Type"] == "Custom Scan":
        pass
    elif "reading" in plan.get("Relation Name", "") or "chunk" in plan.get("Relation Name", ""):
        removed = plan.get("Rows Removed by Filter", 0)
        own = round((plan["Actual Rows"] + removed) * plan["Actual Loops"])
    return own + sum(readings_read(inner) for inner in plan.get("Plans", ()))


def test_validation_reads_the_readings_of_its_days_and_none_before(filled: Database) -> None:
    statement = load_queries(VALIDATION)["readings"]
    start = datetime(2026, 10, 20, tzinfo=UTC)
    with psycopg.connect(filled.dsn, autocommit=True) as connection:
        places = connection.execute(
            "SELECT array_agg(point_channel.id), array_agg(installation.id) FROM point_channel"
            " JOIN installation USING (service_point_id)"
        ).fetchone()
        assert places is not None
        ids, installations = places
        values = {
            "ids": ids,
            "installations": installations,
            "from_at": [start] * len(ids),
            "until_at": [start + timedelta(hours=1)] * len(ids),
        }
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
        ((found,),) = connection.execute(explain.encode(), values).fetchall()
    assert len(ids) == 3
    # Five quarter hours of each.
    assert readings_read(found[0]["Plan"]) == 3 * 5
