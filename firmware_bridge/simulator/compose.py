"""Put a virtual meter together from load files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from firmware_bridge.simulator.load import LoadSeries
from firmware_bridge.simulator.meter import (
    CAPACITY,
    DIGITS,
    PERIOD_S,
    VirtualMeter,
    wall_clock,
)
from firmware_bridge.simulator.replay import CalendarReplay, Counter, Silence, TimedReplay


@dataclass(frozen=True, slots=True)
class Script:
    """How a load is laid onto time.

    Args:
        zone: For year series: step 0 is 1 January 00:00 in this zone's standard time.
        first_year: For year series: counters are 0 at its beginning.
        start: Replays the series once from here instead, or again and again with `loop`.
        loop: Whether a series with a start repeats.
    """

    zone: str = "UTC"
    first_year: int = 2020
    start: datetime | None = None
    loop: bool = False

    def counter(self, series: LoadSeries) -> Counter:
        """The counter that replays a series.

        Raises:
            LoadFileError: The series does not fit: no whole years, or no start.
        """
        if self.start is None and series.start_ms is None:
            return CalendarReplay(series, self.zone, self.first_year)
        return TimedReplay(series, self.start, loop=self.loop)


def compose(  # noqa: PLR0913 - each has a default, and all are named
    serial: str,
    load: LoadSeries,
    export: LoadSeries | None = None,
    *,
    script: Script | None = None,
    clock: Callable[[], datetime] = wall_clock,
    offset_wh: int = 0,
    installed_at: datetime | None = None,
    period_s: int = PERIOD_S,
    capacity: int = CAPACITY,
    digits: int = DIGITS,
) -> VirtualMeter:
    """A meter for one load.

    Args:
        serial: The number on its plate.
        load: What flows in; its negative steps flow out, unless `export` is given.
        export: What flows out, as positive numbers.
        script: How the loads are laid onto time.
        clock: The meter's clock.
        offset_wh: What the import register showed at the beginning. [Wh]
        installed_at: The memory holds nothing older.
        period_s: Distance of load-profile entries. [s]
        capacity: Entries that the memory holds.
        digits: Registers roll over after this many digits of Wh.

    Raises:
        LoadFileError: A load does not fit the script.
        VirtualMeterError: A number is out of range.
    """
    script = script or Script()
    incoming = script.counter(load.imported())
    out = load.exported() if export is None else export.imported()
    outgoing = script.counter(out) if any(out.energy) else Silence(incoming.start)
    return VirtualMeter(
        serial=serial,
        counters={ACTIVE_IMPORT: incoming, ACTIVE_EXPORT: outgoing},
        offset_wh={ACTIVE_IMPORT: offset_wh},
        installed_at=installed_at,
        clock=clock,
        period_s=period_s,
        capacity=capacity,
        digits=digits,
    )
