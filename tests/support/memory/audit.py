"""The audit log in memory: rows, their personal values, and their seals."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from central.domain.actor import Actor
from central.domain.audit.chain import AuditText, ChainHead, SealedRow, SealForm, seal_hash
from central.domain.audit.change import as_json, brought_back, kept_digest, set_apart
from central.service.audit.origin import origin_now
from central.service.ports.audit import AuditFilter, AuditRow, UnsealedRows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A row of `audit_log`."""

    at: datetime
    actor: str
    via: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    origin: str

    def text(self, key: int) -> AuditText:
        """As it is hashed."""
        at_us = (self.at - _EPOCH) // _MICROSECOND
        logged = json.dumps(self.detail, sort_keys=True)
        fields = (self.actor, self.via, self.action, self.subject)
        return AuditText(key, at_us, *fields, logged, self.origin)


class AuditTables(Protocol):
    """Where the rows are, with their personal values and their seals."""

    audit: dict[int, AuditLine]
    personal: dict[str, tuple[bytes, str]]
    seals: dict[int, SealedRow]


def add_line(  # noqa: PLR0913, PLR0917 - a row of the log
    tables: AuditTables,
    at: datetime,
    actor: Actor,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
) -> int:
    """Write a row; its key."""
    key, salt = max(tables.audit, default=0) + 1, bytes(16)
    logged, apart = set_apart(detail, f"p{key}", salt)
    if apart:
        tables.personal[f"p{key}"] = (salt, apart)
    logged = json.loads(as_json(logged))
    tables.audit[key] = AuditLine(
        at, actor.key, actor.via.value, action, subject, logged, origin_now()
    )
    return key


class MemoryAuditStore:
    """`AuditStore` over dictionaries.

    Args:
        tables: Gives the tables, which a roll-back replaces.
    """

    def __init__(self, tables: Callable[[], AuditTables]) -> None:
        self._tables = tables

    async def seal(self, at: datetime, *, sweep: bool = False) -> ChainHead | None:
        """See `AuditStore`."""
        del at, sweep
        head, sealed = await self.head(), {line.row_id for line in self._tables().seals.values()}
        for key in sorted(set(self._tables().audit) - sealed):
            row, number = self._tables().audit[key].text(key), head.number + 1
            sha256 = seal_hash(SealForm.WITH_ORIGIN, number, row, head.sha256)
            line = SealedRow(number, SealForm.WITH_ORIGIN, head.sha256, sha256, key, row)
            self._tables().seals[number] = line
            head = ChainHead(number, sha256)
        return head

    async def head(self) -> ChainHead:
        """See `AuditStore`."""
        if not self._tables().seals:
            return ChainHead()
        last = self._tables().seals[max(self._tables().seals)]
        return ChainHead(last.number, last.sha256)

    async def rows(self, wanted: AuditFilter, limit: int) -> list[AuditRow]:
        """See `AuditStore`."""
        seals = {line.row_id: line.number for line in self._tables().seals.values()}
        texts = {uid: text for uid, (_, text) in self._tables().personal.items()}
        rows = [
            AuditRow(
                key,
                line.at,
                line.actor,
                line.via,
                line.action,
                line.subject,
                brought_back(line.detail, texts),
                seals.get(key),
                line.origin,
            )
            for key, line in sorted(self._tables().audit.items(), reverse=True)
            if _wanted(line, wanted) and (wanted.before is None or key < wanted.before)
        ]
        return rows[:limit]

    async def sealed(self, size: int) -> AsyncIterator[Sequence[SealedRow]]:
        """See `AuditStore`."""
        del size
        yield list(self._tables().seals.values())

    async def kept_digests(self, uids: Sequence[str]) -> Mapping[str, str]:
        """See `AuditStore`."""
        rows = self._tables().personal
        return {uid: kept_digest(*rows[uid]) for uid in uids if uid in rows}

    async def unsealed(self, before: datetime) -> UnsealedRows | None:
        """See `AuditStore`."""
        sealed = {line.row_id for line in self._tables().seals.values()}
        left = [
            key
            for key in sorted(self._tables().audit)
            if key not in sealed and self._tables().audit[key].at < before
        ]
        return UnsealedRows(len(left), left[0], self._tables().audit[left[0]].at) if left else None


def _wanted(line: AuditLine, wanted: AuditFilter) -> bool:
    action = wanted.action
    return (
        (wanted.subject in {None, line.subject} or wanted.subject in line.detail.get("bills", ()))
        and wanted.actor in {None, line.actor}
        and (action in {None, line.action} or line.action.startswith(f"{action}."))
        and (wanted.origin in {None, line.origin} or line.origin.startswith(f"{wanted.origin} ("))
        and (wanted.since is None or line.at >= wanted.since)
        and (wanted.until is None or line.at < wanted.until)
    )
