"""What the jobs of the night need of a store: which night's jobs are done, and whose turn it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

KEPT = timedelta(days=62)
"""How long it is known what was done in a night."""

AHEAD = timedelta(minutes=65)
"""A noted time that is later than now by more was noted by a clock that was ahead."""


class JobTurn(StrEnum):
    """Whose turn a job is."""

    OURS = "ours"
    """It was taken, and is ours until the time we said."""

    OTHERS = "others"
    """Another worker is at it, or died at it a moment ago."""

    PUT_OFF = "put_off"
    """It failed, and is tried again later."""

    DONE = "done"
    """Nothing is left to do in this night."""


@dataclass(frozen=True, slots=True)
class NightJob:
    """A job of one night, for one worker.

    Args:
        night: The UTC day on which the night ends.
        name: Of the job.
        worker: Who would do it, as long as its process lives.
    """

    night: date
    name: str
    worker: UUID


class NightStore(Protocol):
    """Which jobs of which night are done. It outlives every worker."""

    async def take(self, job: NightJob, at: datetime, until: datetime) -> JobTurn:
        """Take a job, unless another worker has it, or it is done or put off.

        What our own process took before and did not end is taken again at once. A time much later
        than now was noted by a clock that was ahead, and does not count.

        Args:
            job: Which.
            at: Now.
            until: Nobody else takes it before, nor if our process dies.
        """

    async def keep(self, job: NightJob, until: datetime) -> None:
        """Keep a job that is ours for longer; one that is no longer ours is left alone."""

    async def end(self, job: NightJob, at: datetime) -> None:
        """Note that a job of ours is done, and forget nights that are long over."""

    async def put_off(self, job: NightJob, until: datetime, error: str) -> None:
        """Note that a job of ours failed, why, and when it is tried again."""
