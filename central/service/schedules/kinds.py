"""The jobs that a schedule may name. A job is a row here, and a function in `process/jobs.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from central.domain.schedule import JobSchedule

NIGHT = time(2)
"""From when on in a UTC day the jobs of a night are done, unless a schedule says otherwise."""


@dataclass(frozen=True, slots=True)
class JobKind:
    """A job.

    Args:
        name: Stored: never renamed.
        does: What it does, in a few words that begin with a verb.
        chain: Jobs of one chain are done one after the other, in the order of `KINDS`.
        at: Local time at which it is done where nobody says otherwise; None where it is done only
            by schedules that somebody sets.
        zone: Zone of that time; None for each zone of the service points.
        bills: Whether a schedule may name a group and a cycle, and there may be many.
    """

    name: str
    does: str
    chain: str = "night"
    at: time | None = NIGHT
    zone: str | None = "UTC"
    bills: bool = False

    @property
    def default(self) -> JobSchedule | None:
        """Its schedule where nobody says otherwise."""
        return None if self.at is None else JobSchedule(self.name, self.name, self.at, self.zone)


KINDS = (
    # An hour after midnight: days end, and the last readings of a day have come.
    JobKind("close_days", "closes every day that is over", "close", time(1), None),
    JobKind("keep_unbilled", "rates what is not billed yet", "close", time(1), None),
    JobKind("extend_cycles", "lists the periods of billing cycles ahead"),
    JobKind("keep_holidays", "keeps the public holidays of the years ahead"),
    JobKind("retry_held", "tries held bills again"),
    JobKind("final_bills", "makes the last bills of accounts that moved out"),
    JobKind("estimate_held", "estimates what bills lack whose window is over"),
    JobKind("retry_estimated", "tries bills again whose gaps were estimated"),
    JobKind("find_candidates", "compares issued bills with what they would say today"),
    JobKind("drop_expired", "drops what nobody needs any more"),
    JobKind("delete_past_term", "deletes what is past its term by a retention rule"),
    JobKind("bill_run", "bills the month before, or a cycle's period", "bills", None, bills=True),
)
"""Every job, in the order in which those of one chain are done."""

_BY_NAME = {kind.name: kind for kind in KINDS}


def kind_of(name: str) -> JobKind | None:
    """The job of that name."""
    return _BY_NAME.get(name)
