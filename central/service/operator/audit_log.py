"""The audit log a page at a time, newest first."""

from __future__ import annotations

from dataclasses import replace

from central.service.ports.audit import AuditFilter, AuditRow, AuditStore
from central.service.views.paging import Page, decode_cursor, paged


async def audit_page(
    store: AuditStore, wanted: AuditFilter, *, after: str | None, limit: int
) -> Page[AuditRow]:
    """Rows of the log.

    Args:
        store: Where the log is.
        wanted: Which rows; a person's key may have `person:` before it.
        after: Cursor of the page before.
        limit: Most rows.

    Raises:
        CursorError: The cursor is not one of this list.
    """
    key = decode_cursor(after, (int,))
    who = wanted.actor and wanted.actor.removeprefix("person:")
    before = None if key is None else int(key[0])
    rows = await store.rows(replace(wanted, actor=who, before=before), limit + 1)
    return paged(rows, limit, lambda row: (row.id,))
