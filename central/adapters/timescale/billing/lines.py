"""The lines of bills into the store, a row per bill: their forms first, then the figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.billing.bill import Bill, CanonicalText
from central.domain.billing.line_form import LineForm, NumberedLine, parted

SQL = load_queries(Path(__file__).with_name("save.sql"))
_Row = tuple[Any, ...]


async def add_lines(
    connection: AsyncConnection[_Row], bills: Iterable[tuple[int, Iterable[NumberedLine]]]
) -> None:
    """Add the lines of bills that are there.

    Args:
        connection: In the transaction.
        bills: Key of each, with its lines in print order; one without lines gets no row.
    """
    rows = [(key, *parted(lines)) for key, lines in bills]
    keys = await _keys_of(connection, {form for _, forms, _ in rows for form in forms})
    async with connection.cursor() as cursor, cursor.copy(SQL["add_figures"]) as copy:
        for bill, forms, figures in rows:
            if forms:
                listed = ",".join([str(keys[form]) for form in forms])
                await copy.write_row((bill, f"{{{listed}}}", figures))


def numbered(bill: Bill, text: CanonicalText) -> Iterator[NumberedLine]:
    """The lines of a bill with their text."""
    for entry, line in zip(bill.lines, text.lines, strict=True):
        yield NumberedLine(entry.position, entry.service_point, line)


async def _keys_of(
    connection: AsyncConnection[_Row], forms: set[LineForm]
) -> Mapping[LineForm, int]:
    """The keys of forms, which are added where they are new."""
    by_hash = {form.sha256: form for form in forms}
    keys = await _find(connection, by_hash)
    if missing := [form for form in forms if form not in keys]:
        await connection.execute(SQL["add_forms"], form_columns(missing))
        # Somebody else may have added some meanwhile.
        keys = await _find(connection, by_hash)
    return keys


async def _find(
    connection: AsyncConnection[_Row], by_hash: Mapping[bytes, LineForm]
) -> dict[LineForm, int]:
    cursor = await connection.execute(SQL["forms"], {"hashes": list(by_hash)})
    return {by_hash[bytes(sha256)]: key for sha256, key in await cursor.fetchall()}


def form_columns(forms: Iterable[LineForm]) -> dict[str, list[Any]]:
    """Forms as the columns of the statement `add_forms`."""
    rows = list(forms)
    columns = {name: [getattr(form, name) for form in rows] for name in LineForm._fields}
    return {"hashes": [form.sha256 for form in rows], **columns}
