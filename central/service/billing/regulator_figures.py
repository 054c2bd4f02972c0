"""Show the figures that a regulator asks for, month by month."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from central.domain.billing.cycle import Cycle
from central.domain.billing.regulator_figure import FigureName, RegulatorFigure
from central.service.billing.change_settings import ChangeSettings
from central.service.ports.regulator_figures import RegulatorFigureStore
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import day_start, zone_info

MONTHS_MAX = 36
"""How many months are shown at once."""
_UTC = "UTC"


@dataclass(frozen=True, slots=True)
class MonthOfFigures:
    """The figures of a month.

    Args:
        month: Which.
        goes_on: Whether it is not over yet.
        figures: All of them.
    """

    month: str
    goes_on: bool
    figures: tuple[RegulatorFigure, ...]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        figures = [figure.to_json() for figure in self.figures]
        return {"month": self.month, "goes_on": self.goes_on, "figures": figures}


class RegulatorFigures:
    """The use-case. It reads, and counts anew whenever it is asked.

    Args:
        store: Where it is counted.
        settings: The use-cases of the utility's settings, whose zone says when a month begins.
        clock: Now, aware; as of a time, that time.
    """

    def __init__(
        self,
        store: RegulatorFigureStore,
        settings: ChangeSettings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    async def __call__(
        self, last: Cycle | None = None, months: int = 1
    ) -> tuple[MonthOfFigures, ...]:
        """The figures of some months, the newest first.

        Args:
            last: The newest of them; None for the present one.
            months: How many, going back.

        Raises:
            InvalidValueError: It is no month, or they are too many.
        """
        if not 1 <= months <= MONTHS_MAX:
            message = f"{months} months cannot be shown at once."
            raise InvalidValueError(message, value=months, remedy=f"Ask for 1 to {MONTHS_MAX}.")
        if last is not None and (last.of or last.anchor != 1):
            message = f"{last} is not a calendar month."
            raise InvalidValueError(message, value=str(last), remedy="Write it as 2026-10.")
        now = self._clock()
        current = await self._settings.current()
        zone = current.settings.zone or _UTC
        today = now.astimezone(zone_info(zone)).date()
        month = last or Cycle(today.year, today.month)
        shown = []
        for _ in range(months):
            shown.append(await self._month(month, zone, now))
            month = month.previous
        return tuple(shown)

    async def _month(self, month: Cycle, zone: str, now: datetime) -> MonthOfFigures:
        days = month.days
        since, until = (day_start(day, zone) for day in (days.first, days.end))
        bills = await self._store.bills(days)
        exceptions = await self._store.exceptions(since, until, now)
        intervals = await self._store.intervals(days)
        figures = (
            RegulatorFigure(FigureName.ERRONEOUS, bills.erroneous, bills.issued),
            RegulatorFigure(FigureName.ESTIMATED, bills.estimated, bills.issued),
            RegulatorFigure(FigureName.TOUCHED, bills.touched, bills.issued),
            RegulatorFigure(FigureName.CLOSED, exceptions.in_time, exceptions.over),
            RegulatorFigure(FigureName.READ, intervals.read, intervals.due),
        )
        return MonthOfFigures(str(month), now < until, figures)
