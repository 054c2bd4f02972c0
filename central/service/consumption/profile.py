"""The load profile of a group, a tariff, an account or a service point."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from fractions import Fraction
from typing import Any

from central.domain.consumption.load_profile import HOURS, LoadProfile, load_profile
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rounding import printed
from central.service.consumption.figures import ConsumptionFigures
from central.service.consumption.loads import zone_of
from central.service.ports.consumption import LoadOf
from firmware_bridge.contract.obis import ACTIVE_IMPORT, Obis


@dataclass(frozen=True, slots=True)
class ShownProfile:
    """A load profile, and of what it is.

    Args:
        unit: Of the energy or volume; "" where nothing was counted.
        zone: IANA zone of the hours.
        profile: The profile.
        left_out: Channels whose intervals are longer than an hour.
    """

    unit: str
    zone: str
    profile: LoadProfile
    left_out: int

    def hours(self) -> list[dict[str, Any]]:
        """The average day as rows of a table; numbers as strings."""
        profile = self.profile
        return [
            {
                "hour": hour,
                "weekday": _text(profile.weekday[hour]),
                "weekend": _text(profile.weekend[hour]),
                "all_days": _text(profile.days[hour]),
                "unit": self.unit,
            }
            for hour in range(HOURS)
        ]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        profile, at = self.profile, self.profile.peak_at
        return {
            "zone": self.zone,
            "unit": self.unit,
            "load_unit": self.load_unit,
            "mean_load": _text(profile.mean),
            "max_load": _text(profile.peak),
            "max_load_at": None if at is None else at.astimezone(UTC).isoformat(),
            "max_load_of_s": profile.step_s,
            "load_factor": _text(profile.load_factor),
            "channels": profile.channels,
            "missing": profile.missing,
            "estimated": profile.estimated,
            "left_out": self.left_out,
            "hours": self.hours(),
        }

    @property
    def load_unit(self) -> str:
        """The unit of loads: kW where energy is counted in kWh."""
        if not self.unit:
            return ""
        return self.unit.removesuffix("h") if self.unit.endswith("h") else f"{self.unit}/h"


def _text(value: Fraction | None) -> str | None:
    return None if value is None else str(printed(value))


async def show_profile(
    figures: ConsumptionFigures,
    of: LoadOf,
    subject: str,
    days: DayRange,
    obis: Obis = ACTIVE_IMPORT,
) -> ShownProfile:
    """The average day of a load by local hour, its highest load and its load factor.

    Hours are local to the first of the service points, by name.

    Args:
        figures: What sums.
        of: Whose.
        subject: Its name or number.
        days: Local.
        obis: What is counted.

    Raises:
        InvalidValueError: There are too many days.
        MixedUnitsError: The channels count in several units.
        NotRegisteredError: There is none of that name.
    """
    spans = await figures.loads.spans(of, subject, days, [obis])
    steps = await figures.steps(spans, days)
    zone = zone_of(spans)
    return ShownProfile(
        steps.unit, zone, load_profile(steps.totals, steps.step_s, zone), steps.left_out
    )
