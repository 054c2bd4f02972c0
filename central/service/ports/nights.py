"""What the jobs of the night need of a store: which night's jobs are done, and whose turn it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

KEPT = timedelta(days=62)
"""How long it is known what was done in a night."""

TRIES = 8
"""How often a job is tried in one night; what fails then waits for the next, or for a person."""

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

    SPENT = "spent"
    """It was tried as often as it may be, and nobody said so yet."""

    GAVE_UP = "gave_up"
    """It is not tried any more in this night."""

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


@dataclass(frozen=True, slots=True)
class NightNote:
    """What is known of a job of one night.

    Args:
        night: The local day on which it came due.
        name: Of the job.
        worker: Who took it last.
        due_at: Nobody else takes it before.
        attempts: How often it was taken.
        began_at: When it was taken last.
        done_at: When it was done; None where it is not.
        gave_up_at: When it was tried for the last time; None where it is still tried.
        outcome: What it did.
        error: Why it failed last.
    """

    night: date
    name: str
    worker: UUID
    due_at: datetime
    attempts: int
    began_at: datetime | None = None
    done_at: datetime | None = None
    gave_up_at: datetime | None = None
    outcome: str | None = None
    error: str | None = None

    def turn(self, at: datetime) -> JobTurn | None:
        """Whose turn it is, for who has not taken it; None where it can be taken."""
        ahead = at + AHEAD
        if self.done_at is not None:
            return JobTurn.DONE if self.done_at <= ahead else None
        if self.gave_up_at is not None:
            return JobTurn.GAVE_UP if self.gave_up_at <= ahead else None
        if at < self.due_at <= ahead:
            return JobTurn.OTHERS if self.error is None else JobTurn.PUT_OFF
        return JobTurn.SPENT if self.attempts >= TRIES and self.due_at <= at else None


class NightStore(Protocol):
    """Which jobs of which night are done. It outlives every worker."""

    async def take(self, job: NightJob, at: datetime, until: datetime) -> JobTurn:
        """Take a job, unless another worker has it, or it is done, put off or given up.

        What our own process took before and did not end is taken again at once, and is no further
        try. A time much later than now was noted by a clock that was ahead, and does not count.

        Args:
            job: Which.
            at: Now.
            until: Nobody else takes it before, nor if our process dies.
        """

    async def keep(self, job: NightJob, until: datetime) -> bool:
        """Keep a job that is ours for longer; whether it still is."""

    async def end(self, job: NightJob, at: datetime, outcome: str) -> bool:
        """Note that a job of ours is done, and forget nights that are long over.

        Args:
            job: Which.
            at: Now.
            outcome: What it did, "" for nothing to say.

        Returns:
            Whether it was still ours.
        """

    async def put_off(self, job: NightJob, until: datetime, error: str) -> None:
        """Note that a job of ours failed, why, and when it is tried again."""

    async def give_up(self, job: NightJob, at: datetime, error: str | None = None) -> bool:
        """Note that nobody tries a job any more in this night.

        Args:
            job: Which; ours, or one whose tries are spent.
            at: Now.
            error: Why it failed; None keeps the reason that is noted, if any.

        Returns:
            Whether it was noted now.
        """

    async def again(self, night: date, name: str) -> None:
        """Have a job of a night done once more, as if it had not been tried; not one at work."""

    async def notes(self, since: date) -> tuple[NightNote, ...]:
        """What is known of the jobs of nights since a day, the latest night first."""
