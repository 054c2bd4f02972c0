"""What the audit log needs of a store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from central.domain.audit.chain import ChainHead, SealedRow


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows are asked for; None asks for all.

    Args:
        subject: To what something was done.
        actor: Key of who acted.
        action: What was done; `account` asks for all that begins with `account.`.
        since: Not before.
        until: Before.
        before: Rows with a smaller key only.
        origin: From where: an address, `USER@HOST`, also of its jobs.
    """

    subject: str | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A row of the log.

    Args:
        id: Its key.
        at: When.
        actor: Key of who acted.
        via: By which way; None in rows of before.
        action: What was done.
        subject: To what.
        detail: Old and new values and the reason, with personal values that are still kept.
        seal: Number of its seal; None while it has none.
        origin: From where; None in rows of before.
    """

    id: int
    at: datetime
    actor: str
    via: str | None
    action: str
    subject: str
    detail: Mapping[str, Any]
    seal: int | None
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class UnsealedRows:
    """Rows without a seal.

    Args:
        count: How many.
        first: Key of the oldest.
        since: When it was written.
    """

    count: int
    first: int
    since: datetime


class AuditStore(Protocol):
    """Where the audit log is kept."""

    async def seal(self, at: datetime, *, sweep: bool = False) -> ChainHead | None:
        """Seal every row that is committed and has no seal.

        Rows of one call are in the order in which they were written; rows that are committed later
        get later numbers.

        Args:
            at: When.
            sweep: Look through the whole log, not only where rows wait.

        Returns:
            The head; None where another sealer is at work.
        """

    async def head(self) -> ChainHead:
        """The newest seal."""

    async def rows(self, wanted: AuditFilter, limit: int) -> list[AuditRow]:
        """Rows, newest first."""

    def sealed(self, size: int) -> AsyncIterator[Sequence[SealedRow]]:
        """The whole chain as it stands now, a number of seals at a time."""

    async def kept_digests(self, uids: Sequence[str]) -> Mapping[str, str]:
        """Digests of the personal values that are still kept, by uid."""

    async def unsealed(self, before: datetime) -> UnsealedRows | None:
        """Rows from before a time that have no seal."""
