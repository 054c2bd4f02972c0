"""Jobs of the night: each is done once a UTC day, and one that fails stops no other.

A job may be done twice, by two workers or after a restart, so each must be idempotent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from central.service.ports.faults import StoreUnfitError
from central.service.ports.ingest import StoreUnavailableError

AT_HOUR = 2
"""From when on in a UTC day its jobs are done. [h]"""

RETRY = timedelta(minutes=15)

Job = Callable[[datetime], Awaitable[object]]
"""Takes the present, and gives what it did, for the log."""


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What became of a job.

    Args:
        name: Of the job.
        done: What it did; None where it failed.
        error: Why it failed; None where it did not.
    """

    name: str
    done: object = None
    error: Exception | None = None


@dataclass(slots=True)
class Nightly:
    """Does what is due.

    Args:
        jobs: By name, in the order in which they are done.
    """

    jobs: Mapping[str, Job]
    _due: dict[str, datetime] = field(default_factory=dict)

    async def step(self, now: datetime) -> list[JobOutcome]:
        """Do the jobs that are due, each at most once.

        Args:
            now: The present, aware. After a start jobs are due in the next night, which does all
                that a night without a worker left undone.

        Raises:
            StoreUnavailableError: Nothing can be done now; what is due stays due.
            StoreUnfitError: The deployment is at fault.
        """
        outcomes: list[JobOutcome] = []
        for name, job in self.jobs.items():
            if now < self._due.setdefault(name, next_night(now)):
                continue
            try:
                outcomes.append(JobOutcome(name, await job(now)))
            except (StoreUnavailableError, StoreUnfitError):
                raise
            except Exception as error:  # noqa: BLE001 - one job stops no other
                outcomes.append(JobOutcome(name, error=error))
                self._due[name] = now + RETRY
            else:
                self._due[name] = next_night(now)
        return outcomes


def next_night(now: datetime) -> datetime:
    """When jobs are due again that were done at a time."""
    utc = now.astimezone(UTC)
    tonight = utc.replace(hour=AT_HOUR, minute=0, second=0, microsecond=0)
    return tonight if utc < tonight else tonight + timedelta(days=1)
