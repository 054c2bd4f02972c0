"""Days that were validated anew after a bill had read them: what the bill read, and the difference.

They count with the value that the bill read, for that is what it covers; the difference is named,
and is a correction's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from central.domain.billing.coverage import CorrectionNote, LivePart
from central.service.ports.reconciliation import ReadDay, ReconciledService, ValidatedDays


@dataclass(frozen=True, slots=True)
class ChangedDay:
    """A day of a channel that a bill read in another version than the newest.

    Args:
        point: Name of the service point.
        service: Such as `electricity`.
        obis: Of the channel.
        day: Local.
        billed: What the bill read. [unit]
        validated: What is validated now. [unit]
        unit: Of both.
        written_off: The correction that leaves it so; None where nobody decided.
    """

    point: str
    service: str
    obis: str
    day: date
    billed: Decimal
    validated: Decimal
    unit: str
    written_off: CorrectionNote | None = None

    @property
    def difference(self) -> Decimal:
        """What is validated now beyond what the bill read. [unit]."""
        return self.validated - self.billed

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; sums as strings, exact."""
        return {
            "service_point": self.point,
            "service": self.service,
            "obis": self.obis,
            "day": self.day.isoformat(),
            "billed": format(self.billed, "f"),
            "validated": format(self.validated, "f"),
            "difference": format(self.difference, "f"),
            "unit": self.unit,
            "written_off": None if self.written_off is None else self.written_off._asdict(),
        }


def reader_of(service: ReconciledService, day: date) -> LivePart | None:
    """The one part of a service's bills that has a day."""
    reading = [
        live
        for mine in service.occupied
        for live in mine.parts
        if live.days.first <= day < live.days.end
    ]
    return reading[0] if len(reading) == 1 else None


class BilledDays:
    """Days as bills read them, for one report.

    Args:
        as_billed: Those that were validated anew since, with the values that were read.
        note: Told every day that is another now.
    """

    def __init__(
        self, as_billed: Mapping[ReadDay, ValidatedDays], note: Callable[[ChangedDay], None]
    ) -> None:
        self._as_billed = as_billed
        self._note = note

    def read(
        self, service: ReconciledService, days: ValidatedDays, reader: LivePart
    ) -> ValidatedDays:
        """Days as a part of the service's bills read them; as they are where that is the newest."""
        billed = self._as_billed.get(ReadDay(reader.id, days.channel, days.days.first))
        if billed is None:
            return days
        self._note(
            ChangedDay(
                service.point,
                service.name,
                service.channels[days.channel],
                days.days.first,
                billed.total,
                days.total,
                days.unit.value,
                reader.written_off,
            )
        )
        return billed
