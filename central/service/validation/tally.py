"""The numbers of a validation run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of what validation did.

    Args:
        changes: Changes taken off the queue.
        days: Days validated.
        versions: Blocks added.
        findings: Findings raised.
        closed: Days closed.
        looked: Channels with days to close that were looked at.
        span: The first and the last day of those closed; None without any.
    """

    changes: int = 0
    days: int = 0
    versions: int = 0
    findings: int = 0
    closed: int = 0
    looked: int = 0
    span: tuple[date, date] | None = None

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.changes + other.changes,
            self.days + other.days,
            self.versions + other.versions,
            self.findings + other.findings,
            self.closed + other.closed,
            self.looked + other.looked,
            _hull(self.span, other.span),
        )

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return not self.changes and not self.looked


def _hull(
    one: tuple[date, date] | None, other: tuple[date, date] | None
) -> tuple[date, date] | None:
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])
