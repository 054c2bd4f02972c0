"""What dropping expired rows asks of the store."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class RetentionStore(Protocol):
    """Rows that nobody needs any more. Each call is one transaction, and drops some at most."""

    async def drop_rejected(self, before: datetime, limit: int) -> int:
        """Drop messages that were refused for the last time before an instant."""
        ...

    async def drop_quarantined(self, before: datetime, limit: int) -> int:
        """Drop the bytes of quarantined batches that were released before an instant."""
        ...

    async def drop_findings(self, before: datetime, limit: int) -> int:
        """Drop findings of ingest that a job closed before an instant; not what people closed."""
        ...

    async def drop_vee_findings(self, before: datetime, limit: int) -> int:
        """Drop validation's findings closed before an instant that nobody ever accepted."""
        ...

    async def drop_notices(self, before: datetime, limit: int) -> int:
        """Drop notices of before an instant whose deliveries all ended before it, with those."""
        ...

    async def merge_touched(self, limit: int) -> int:
        """Merge waiting changes of a channel that overlap or touch; how many rows went."""
        ...
