"""Dated lookup tables: numbers by what facts of an agreement say, here or kept outside."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import (
    DATE,
    ID,
    NUMBER,
    TEXT,
    TEXTS,
    Json,
    Kind,
    read_number,
    read_texts,
)
from central.domain.tariff.grammar.node import Fields
from central.domain.tariff.grammar.record import Record, Row, list_of, named
from central.domain.tariff.lookup_rules import DatedEntries, Entries, LookupTable
from central.domain.tariff.refusal import Code

_NO_KEYS = frozenset({"bool"})


def _read_by(cursor: Cursor) -> tuple[str, ...]:
    names = read_texts(cursor)
    for name in names:
        kind = cursor.scope.needs.get(name)
        if kind is None:
            message = f"{name!r} is not an agreement fact."
            cursor.refuse(Code.UNKNOWN_FACT, message, "Name it in `needs`, as text.")
        if kind in _NO_KEYS:
            message = f"The fact {name!r} is true or false, and no key of a table."
            cursor.refuse(Code.WRONG_FACT_KIND, message, "Make it `text`.")
    return names


def _read_entries(cursor: Cursor) -> Entries:
    table = cursor.record
    while "by" not in table.values:
        table = table.record
    return tuple(_entries(cursor, len(table.values["by"])))


def _entries(cursor: Cursor, depth: int) -> Iterator[tuple[tuple[str, ...], Decimal]]:
    """Keys down to the numbers, a level for each fact."""
    if depth == 0:
        yield (), read_number(cursor)
        return
    if not isinstance(cursor.node, Fields):
        message = "A table has a level of keys for each of its facts."
        cursor.refuse(Code.WRONG_TYPE, message, "Write `key: number`, one level for each in `by`.")
    for key, node in cursor.fields().items():
        for keys, number in _entries(cursor.inside(key, node), depth - 1):
            yield (key, *keys), number


def _write_entries(entries: Entries) -> object:
    written: Json = {}
    if [keys for keys, _ in entries] == [()]:
        return NUMBER.write(entries[0][1])
    for keys, number in entries:
        level = written
        for key in keys[:-1]:
            level = level.setdefault(key, {})
        level[keys[-1]] = NUMBER.write(number)
    return written


ENTRIES = Kind(_read_entries, _write_entries, {"anyOf": [NUMBER.schema, {"type": "object"}]})
_ROW = Record(
    DatedEntries,
    (
        Row("from", DATE, required=True, attribute="since"),
        Row("values", ENTRIES, required=True, attribute="entries"),
    ),
)


def _check_dates_ascend(table: Cursor) -> None:
    rows = table.values["rows"]
    if any(later.since <= earlier.since for earlier, later in pairwise(rows)) or not rows:
        message = "The dates of a table ascend, and there is one at least."
        table.field("rows").refuse(Code.CONFLICT, message, "Order the rows by `from`.")


def _check_table(table: Cursor) -> None:
    scope = table.scope
    if table.key in scope.needs or table.key in scope.series:
        message = f"{table.key!r} is already a fact or an input."
        table.refuse(Code.DUPLICATE_NAME, message, "Rename it.")
    if table.values["table"] is None:
        _check_dates_ascend(table)
    elif table.has("rows"):
        message = "The table is kept outside, and has rows here as well."
        table.field("rows").refuse(Code.CONFLICT, message, "Keep `table` or `rows`.")
    scope.needs[table.key] = table.values["unit"]


def _has_own_rows(table: Cursor) -> bool:
    return table.values.get("table") is None or table.has("rows")


def _own_rows(table: LookupTable) -> object:
    return table.rows if table.table is None else ()


TABLE = Record(
    LookupTable,
    (
        Row("by", Kind(_read_by, list, TEXTS.shape), default=(), ends=True),
        Row("unit", TEXT, default="number"),
        Row("table", ID),
        Row("rows", list_of(_ROW), required=True, when=_has_own_rows, get=_own_rows, default=()),
    ),
    checks=(_check_table,),
    named=True,
)
TABLES = named(TABLE, alone=True)
"""The tables of a tariff."""

KEPT_TABLE = Record(
    LookupTable,
    (
        Row("table", ID, required=True, attribute="name"),
        Row("by", TEXTS, default=()),
        Row("unit", TEXT, default="number"),
        Row("rows", list_of(_ROW), required=True),
    ),
    checks=(_check_dates_ascend,),
)
"""A table that is kept outside of tariffs."""
