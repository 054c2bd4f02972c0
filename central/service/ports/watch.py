"""What is asked of a store about the centre as a whole, for whoever watches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

AGES: Final[Mapping[str, timedelta]] = {
    "under_1d": timedelta(0),
    "1d_to_7d": timedelta(days=1),
    "over_7d": timedelta(days=7),
}
"""What waits is counted by age: the name of each, and what it begins at."""

SEVERITIES: Final = ("critical", "warning")
"""Of exceptions that wait."""


@dataclass(frozen=True, slots=True)
class CentreState:
    """What stands in the database that somebody may have to act on.

    Args:
        seen_at: When it was looked at.
        gateways: How many are enrolled.
        gateways_silent: How many of them are silent or were never heard.
        channels_unclosed: Channels with days that are over and not closed, when last counted.
        unclosed_for: How long the oldest such day has been over; zero where there is none.
        unclosed_counted_at: When that was counted; None where nobody has yet.
        changes_waiting: Changes of readings that wait for validation.
        exceptions: How many wait, by severity and age.
        drafts: Bills that nobody approved, by age.
        runs_open: Bill runs that have not ended.
        shards_open: Parts of them that are not done.
        runs_idle_for: How long the one that stands still longest has done nothing.
        documents_waiting: Invoices that are not rendered.
        documents_failed: Those of them whose last attempt failed.
        unsealed: Rows of the audit log without a seal.
        unsealed_for: How long the oldest of them waits.
        jobs_waiting: Entries of the queue that no worker has taken.
        jobs_doing: Entries of the queue that a worker has.
        jobs_given_up: Jobs of the last seven nights that are not tried any more.
        backup_at: When a backup was taken last; None where none ever was.
        certificates_ending: Gateways whose certificate soon ends and was not renewed in time.
        certificates_ended: Gateways whose certificate has ended: no broker lets them in.
    """

    seen_at: datetime
    gateways: int
    gateways_silent: int
    channels_unclosed: int
    unclosed_for: timedelta
    unclosed_counted_at: datetime | None
    changes_waiting: int
    exceptions: Mapping[tuple[str, str], int]
    drafts: Mapping[str, int]
    runs_open: int
    shards_open: int
    runs_idle_for: timedelta
    documents_waiting: int
    documents_failed: int
    unsealed: int
    unsealed_for: timedelta
    jobs_waiting: int
    jobs_doing: int
    jobs_given_up: int
    backup_at: datetime | None
    certificates_ending: int
    certificates_ended: int


class WatchStore(Protocol):
    """Says how the centre stands, by reads alone."""

    async def state(self, now: datetime) -> CentreState:
        """Look once.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        ...
