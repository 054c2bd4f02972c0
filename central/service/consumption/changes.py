"""Whose use changed most from one period to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from central.domain.consumption.change import PeriodUse, RankedBy, UseChange, largest
from central.domain.consumption.percent import percent_text
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rounding import printed
from central.service.consumption.loads import Loads, LoadUnit, of_sum
from central.service.ports.consumption import ChannelSpan, LoadOf
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import ACTIVE_IMPORT, Obis

CHANGES_MOST = 1_000
"""How many are listed."""


@dataclass(frozen=True, slots=True)
class ChangesOfUse:
    """The largest changes.

    Args:
        unit: Of what is used.
        changes: The largest first.
        compared: How many were compared.
        not_compared: How many have days in one of the periods alone.
    """

    unit: str
    changes: Sequence[UseChange]
    compared: int
    not_compared: int

    def rows(self) -> list[dict[str, Any]]:
        """As rows of a table; numbers as strings."""
        return [
            {
                "subject": change.name,
                "before": str(printed(change.before.total)),
                "after": str(printed(change.after.total)),
                "before_days": change.before.days,
                "after_days": change.after.days,
                "change_a_day": str(printed(change.a_day)),
                "change_percent": percent_text(change.share),
                "unit": self.unit,
                "missing": change.before.missing + change.after.missing,
                "estimated": change.before.estimated + change.after.estimated,
            }
            for change in self.changes
        ]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        counts = {"compared": self.compared, "not_compared": self.not_compared}
        return {**counts, "rows": self.rows()}


async def show_changes(  # noqa: PLR0913, PLR0917 - what is compared, and how it is ranked
    loads: Loads,
    of: LoadOf,
    subject: str,
    periods: tuple[DayRange, DayRange],
    ranked: RankedBy = RankedBy.ABSOLUTE,
    limit: int = 20,
    obis: Obis = ACTIVE_IMPORT,
) -> ChangesOfUse:
    """Compare the use a day of two periods, of closed days alone.

    Of a tariff or a group of accounts accounts are compared, else service points.

    Args:
        loads: What reads.
        of: Whose.
        subject: Its name or number.
        periods: The earlier and the later one.
        ranked: By what the largest are chosen.
        limit: How many.
        obis: What is counted.

    Raises:
        InvalidValueError: There are too many days, too many are to be listed, or the periods
            overlap.
        MixedUnitsError: The channels count in several units.
        NotRegisteredError: There is none of that name.
    """
    if not 1 <= limit <= CHANGES_MOST:
        message = f"{limit} changes cannot be listed."
        raise InvalidValueError(message, value=limit, remedy=f"Ask for 1 to {CHANGES_MOST}.")
    if periods[1].first < periods[0].end:
        message = f"The period from {periods[1].first} begins before the earlier one is over."
        raise InvalidValueError(message, value=str(periods[1].first))
    unit = LoadUnit()
    before, after = [
        await _used(loads, await loads.spans(of, subject, days, [obis]), unit) for days in periods
    ]
    both = [UseChange(name, before[name], after[name]) for name in before.keys() & after.keys()]
    return ChangesOfUse(
        unit.name, largest(both, ranked, limit), len(both), len(before.keys() ^ after.keys())
    )


async def _used(
    loads: Loads, spans: Sequence[ChannelSpan], unit: LoadUnit
) -> Mapping[str, PeriodUse]:
    names = sorted({span.account or span.point for span in spans})
    number = {name: key for key, name in enumerate(names)}
    keyed = [(number[span.account or span.point], span) for span in spans]
    used: dict[str, PeriodUse] = {}
    for day in await loads.day_sums(keyed, by_day=False):
        unit.require(day.unit)
        total, name = of_sum(day), names[day.key]
        other = used.get(name, PeriodUse())
        used[name] = PeriodUse(
            other.total + total.total,
            max(other.days, day.days),
            other.missing + total.missing,
            other.estimated + total.estimated,
        )
    return used
