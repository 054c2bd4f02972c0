"""Why a bill cannot be priced yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple


class HeldDay(NamedTuple):
    """The day of a channel that holds a bill.

    Args:
        channel: Key of the channel.
        day: Local date.
    """

    channel: int
    day: date


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a bill cannot be priced yet.

    Args:
        code: Never renamed.
        message: One sentence.
        evidence: What it rests on, as text.
        of: The day that it is about, where it is about one: days of a cause are one reason.
    """

    code: str
    message: str
    evidence: str = ""
    of: HeldDay | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, str]:
        """As a JSON object."""
        return {"code": self.code, "message": self.message, "evidence": self.evidence}

    @classmethod
    def from_json(cls, value: dict[str, str]) -> Hold:
        """The hold that `to_json` wrote."""
        return cls(value["code"], value["message"], value["evidence"])


def by_cause(holds: Iterable[Hold]) -> tuple[Hold, ...]:
    """Holds with one reason a cause: what several days of a channel share is said once.

    Args:
        holds: In the order in which they were found.

    Returns:
        In the order of the first of each cause; the evidence of several names their days as ranges,
        and how many there are.
    """
    causes: dict[object, list[Hold]] = {}
    for hold in holds:
        cause = hold if hold.of is None else (hold.code, hold.of.channel)
        causes.setdefault(cause, []).append(hold)
    return tuple(_one_reason(alike) for alike in causes.values())


def _one_reason(alike: Sequence[Hold]) -> Hold:
    # Several services of a point may bill a channel, and each names the same.
    first, *others = dict.fromkeys(alike)
    if first.of is None or not others:
        return first
    days = sorted({hold.of.day for hold in alike if hold.of is not None})
    if len(days) > 1:
        count, more = f"{len(days)} days", f"{len(days) - 1} more days"
    else:
        count, more = f"{len(others) + 1} times", "the same day again"
    evidence = f"channel {first.of.channel}, {_ranges(days)}: {count}"
    if len({hold.message for hold in alike}) == 1:
        return Hold(first.code, first.message, evidence)
    return Hold(first.code, f"{first.message} So it is on {more}.", evidence)


def _ranges(days: Sequence[date]) -> str:
    """Ascending days as text: 2026-10-05 to 2026-10-20, 2026-10-25."""
    runs: list[list[date]] = []
    for day in days:
        if runs and (day - runs[-1][-1]).days == 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(
        run[0].isoformat() if len(run) == 1 else f"{run[0].isoformat()} to {run[-1].isoformat()}"
        for run in runs
    )
