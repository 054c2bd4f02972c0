"""What the tables say that a tariff names and that are kept outside of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from central.domain.tariff.document import TariffDocument
from central.domain.tariff.lookup_rules import LookupTable, TableVersion, with_rows


def with_kept_tables(
    document: TariffDocument, versions: Mapping[str, Iterable[TableVersion]]
) -> TariffDocument:
    """A document with what the tables say that it names.

    Args:
        document: What it says.
        versions: Of tables by name; a table that is not there says nothing.

    Raises:
        TableMismatchError: It reads a table otherwise than it is kept.
    """
    if not document.given_tables:
        return document
    tables = tuple(
        entry if entry.table is None else with_rows(entry, versions.get(entry.table, ()))
        for entry in document.tables
    )
    return replace(document, tables=tables)


def tables_sha256(document: TariffDocument) -> str:
    """Hex digest of what its tables say that are kept outside; "" where it names none."""
    if not document.given_tables:
        return ""
    rows = [
        [entry.table, row.since.isoformat(), [[list(keys), str(n)] for keys, n in row.entries]]
        for entry in document.tables
        if entry.table is not None
        for row in entry.rows
    ]
    return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()


def by_name(tables: Iterable[LookupTable]) -> dict[str, tuple[TableVersion, ...]]:
    """The versions of tables as files give them, by name."""
    return {
        table.name: tuple(
            TableVersion(table.name, row.since, 1, table.by, table.unit, row.entries)
            for row in table.rows
        )
        for table in tables
    }
