"""The values of one meter in one cycle, from its driver to the transaction that stores them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edge_agent.meter_clock import DEFAULT, ProfileLook, Trust
from firmware_bridge.contract.reading import Reading
from firmware_bridge.driver.interface import MeterIdentity, MeterValue


@dataclass(frozen=True, slots=True)
class Sample:
    """A live read-out of one meter, entries of its load profile, or both.

    Args:
        meter: As configured.
        device: The one that answered.
        values: What it and the devices behind it showed, without the times they will get.
        taken: When, by the monotonic clock. [s] None where nothing was read live.
        period_s: How often it is read. [s]
        trust: How far its own time is believed.
        capacity_w: What the connection can carry; None where that is not known. [W]
        entries: Of its load profile, with the meter's time.
        marks: Named integers that are true once all of it is stored.
        profile_look: How the clock of its load profile stood; None where nobody looked lately.
        several: Many devices speak there, so that another one is no exchange.
    """

    meter: str
    device: MeterIdentity
    values: tuple[MeterValue, ...] = ()
    taken: float | None = None
    period_s: int = 0
    trust: Trust = DEFAULT
    capacity_w: int | None = None
    entries: tuple[Reading, ...] = ()
    marks: Mapping[str, int] = field(default_factory=dict)
    profile_look: ProfileLook | None = None
    several: bool = False

    @property
    def is_live(self) -> bool:
        """Whether the meter was read live."""
        return self.taken is not None

    def without_profile(self) -> Sample:
        """Its live values alone: entries and progress stay with the meter until they are stored."""
        return replace(self, entries=(), marks={})
