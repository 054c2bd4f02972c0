"""Bring the lines of bills of the former layout over: a row each then, a row per bill now.

The services are stopped meanwhile, as for every migration. What is committed stays, and is not read
again by whoever continues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import psycopg

from central.adapters.timescale.billing.lines import SQL, form_columns
from central.adapters.timescale.queries import load_queries
from central.domain.billing.line_form import LineForm, NumberedLine, parted
from central.domain.rating.hashing import canonical

BATCH = 2_000
_OLD = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]


def bring_lines_over(
    connection: psycopg.Connection[_Row],
    progress: Callable[[int, int], None],
    batch: int = BATCH,
) -> None:
    """Part the lines of all bills, in the order of their keys, then what drafts said before.

    Args:
        connection: Of the database's owner, outside of a transaction.
        progress: Told of how many bills the lines are there, and of how many there are any, after
            each transaction.
        batch: How many bills a transaction has.

    Raises:
        psycopg.Error: The server refused; what was committed stays.
    """
    for kind in ("", "past_"):
        ((whole, done),) = connection.execute(_OLD[f"{kind}counts"]).fetchall()
        while done < whole:
            with connection.transaction():
                rows = connection.execute(_OLD[f"{kind}next"], {"limit": batch}).fetchall()
                _add(connection, rows)
            done += len(rows)
            progress(done, whole)


def _add(connection: psycopg.Connection[_Row], rows: Iterable[_Row]) -> None:
    of_bills = [(row[0], *parted(_lines(row)), row[4:]) for row in rows]
    keys = _keys_of(connection, {form for _, forms, _, _ in of_bills for form in forms})
    with connection.cursor() as cursor:
        for bill, forms, figures, times in of_bills:
            values = {"bill": bill, "forms": [keys[form] for form in forms], "figures": figures}
            if times:
                values |= {"known_from": times[0], "known_until": times[1]}
            cursor.execute(_OLD["add_past" if times else "add"], values)


def _lines(row: _Row) -> Iterable[NumberedLine]:
    for number, point, lineage in zip(*row[1:4], strict=True):
        yield NumberedLine(number, point, canonical(lineage))


def _keys_of(connection: psycopg.Connection[_Row], forms: set[LineForm]) -> Mapping[LineForm, int]:
    """The keys of forms, which are added where they are new."""
    by_hash = {form.sha256: form for form in forms}
    connection.execute(SQL["add_forms"], form_columns(forms))
    rows = connection.execute(SQL["forms"], {"hashes": list(by_hash)}).fetchall()
    return {by_hash[bytes(sha256)]: key for sha256, key in rows}
