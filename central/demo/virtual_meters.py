"""Three virtual meters on real Modbus TCP, and the gateway's configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from central.demo.households import HOUSEHOLDS, STEP, Household
from central.domain.billing.cycle import Cycle
from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.contract.interval import Interval, day_start, floor_boundary, zone_info
from firmware_bridge.contract.reading import from_ms
from firmware_bridge.modbus.profiles import load_profile
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import LoadSeries
from firmware_bridge.simulator.meter import VirtualMeter, wall_clock
from firmware_bridge.simulator.modbus.server import VirtualModbusServer

GATEWAY = "demo-roof"
PROFILE = "meterline-virtual"
# What the centre takes: readings of the last three years.
_OLDEST = timedelta(days=3 * 365)
# An interval ends with a register that is read at its end; a few more show a running meter.
_AFTERWARDS = timedelta(hours=12)
PERIOD_S = 900


class LoadCoverageError(ConfigurationError):
    """A load holds no whole month that can be billed."""

    code = "LOAD_COVERAGE"


@dataclass(frozen=True, slots=True)
class Scene:
    """When the play is set.

    Args:
        cycle: The month that is billed.
        zone: IANA zone of the meters.
        days: The month, cut at local midnight.
        shown_until: What the meters' clocks stand at, or None where they run.
        load: What the first household uses instead of its habits.
        opened: The month that was billed when the play was set for the first time; None now.
        now: Where the meters' clocks run, their time.
    """

    cycle: Cycle
    zone: ZoneInfo
    days: Interval
    shown_until: datetime | None = None
    load: LoadSeries | None = None
    opened: Cycle | None = None
    now: Callable[[], datetime] = wall_clock

    def clock(self) -> datetime:
        """What the meters' clocks show."""
        return self.shown_until or self.now()

    @property
    def first(self) -> Cycle:
        """The month in which everything begins."""
        return self.opened or self.cycle

    @property
    def cycles(self) -> Iterator[Cycle]:
        """The months that are over since everything began."""
        cycle = self.first
        while cycle <= self.cycle:
            yield cycle
            cycle = cycle.next


def last_month(now: datetime, zone: ZoneInfo) -> Cycle:
    """The last month that is over."""
    local = now.astimezone(zone)
    return Cycle(local.year, local.month).previous


def set_scene(zone: str, now: datetime, load: LoadSeries | None = None) -> Scene:
    """Choose the month: last month, or the last whole one that a load with times covers.

    Args:
        zone: IANA zone of the tariff.
        now: The present, aware.
        load: What the user brings.

    Raises:
        LoadCoverageError: The load covers no whole month of the last three years.
    """
    info = zone_info(zone)
    latest = last_month(now, info)
    if load is None or load.start_ms is None:
        return Scene(latest, info, latest.interval(zone), load=load)
    start = from_ms(load.start_ms)
    end = start + timedelta(seconds=load.step_s * len(load.energy))
    cycle = min(latest, _last_whole(end, info))
    days = cycle.interval(zone)
    if days.start < max(start, now - _OLDEST):
        message = f"The load from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC covers no"
        message += f" whole month in {zone} that is over and less than three years old."
        raise LoadCoverageError(
            message, value=(start, end), remedy="Bring at least one whole calendar month."
        )
    if cycle == latest:
        return Scene(cycle, info, days, load=load)
    return Scene(cycle, info, days, days.end + _AFTERWARDS, load)


def _last_whole(end: datetime, zone: ZoneInfo) -> Cycle:
    local = end.astimezone(zone)
    cycle = Cycle(local.year, local.month)
    return cycle if cycle.interval(zone.key).end <= end else cycle.previous


def meters(scene: Scene, households: Sequence[Household] = HOUSEHOLDS) -> dict[int, VirtualMeter]:
    """The virtual meters by Modbus unit."""
    return {
        unit: _meter(scene, household, scene.load if unit == 1 else None)
        for unit, household in enumerate(households, start=1)
    }


def _meter(scene: Scene, household: Household, load: LoadSeries | None) -> VirtualMeter:
    begin = first_instant(scene)
    end = floor_boundary(scene.clock(), PERIOD_S) + timedelta(days=2)
    series = load or household.load(Interval(begin, end), scene.zone)
    return compose(
        household.serial,
        series,
        script=Script(zone=scene.zone.key, first_year=scene.first.year),
        clock=scene.clock,
        offset_wh=1_000_000 * household.seed,
        period_s=int(STEP.total_seconds()),
    )


def serve(scene: Scene) -> VirtualModbusServer:
    """A Modbus TCP server with the virtual meters, on a free port of the loopback interface."""
    profile = load_profile(PROFILE)
    return VirtualModbusServer({unit: (meter, profile) for unit, meter in meters(scene).items()})


def manufacturer() -> str:
    """Who made the meters."""
    return load_profile(PROFILE).manufacturer


def first_day(scene: Scene) -> date:
    """The first local day that the meters are asked for: the day before the first month."""
    return scene.first.days.first - timedelta(days=1)


def first_instant(scene: Scene) -> datetime:
    """Where the back-fill begins: local midnight of the first day."""
    return day_start(first_day(scene), scene.zone.key)


def write_gateway_config(path: Path, scene: Scene, broker_port: int, modbus_port: int) -> None:
    """The agent's configuration, as an installer would write it."""
    since = first_instant(scene)
    tables = [
        f"gateway = {json.dumps(GATEWAY)}",
        "[broker]",
        f'url = "mqtt://127.0.0.1:{broker_port}"',
        "[buffer]",
        f"path = {json.dumps(str(path.parent / 'buffer.db'))}",
        "[clock]",
        'source = "trusted"',
    ]
    for unit, household in enumerate(HOUSEHOLDS, start=1):
        tables += [
            "[[meters]]",
            f"name = {json.dumps(household.point)}",
            'protocol = "modbus"',
            f"period_s = {PERIOD_S}",
            f"backfill_from = {since.isoformat()}",
            'host = "127.0.0.1"',
            f"port = {modbus_port}",
            f"unit_id = {unit}",
            f"profile = {json.dumps(PROFILE)}",
        ]
    path.write_text("\n".join([*tables, ""]), encoding="utf-8")
