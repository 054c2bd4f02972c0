"""Every statement of the store is one on each PostgreSQL found, whichever tests run there."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
from psycopg import errors

from central.adapters.timescale.queries import load_queries
from tests.support.data import REPOSITORY
from tests.support.servers import Database

FILES = sorted((REPOSITORY / "central" / "adapters" / "timescale").rglob("*.sql"))
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
