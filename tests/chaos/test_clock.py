"""Clocks that jump, start in 1970, come right late or never: nothing is lost or mistimed."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from firmware_bridge.contract.reading import TimeQuality
from tests.support.clock_world import Gateway, Machine
from tests.support.size import sized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SCENARIOS = sized("METERLINE_CLOCKS", 12, 2_000)
SEED = int(os.environ.get("METERLINE_CLOCK_SEED", "20261123"))
# Nights on which clocks change: Berlin, New York, Lord Howe (half an hour), Apia (left out a day of
# its own once; its summer time), and Santiago, where midnight does not exist.
NIGHTS = {
    "Europe/Berlin": datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
    "America/New_York": datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 4, 4, 14, 30, tzinfo=UTC),
    "America/Santiago": datetime(2026, 9, 6, 3, 30, tzinfo=UTC),
}
# Settings of a clock: slewing mistaken for a step up to years, and the boundary itself.
STEPS_S = (0.4, 0.6, 3.0, 20.0, 29.9, 30.1, 61.0, 149.0, 151.0, 3_600.0, 86_400.0, 4e7)


@contextmanager
def living_in(zone: str) -> Iterator[None]:
    """The process's local time, which must not matter."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def incident(chance: random.Random) -> tuple[float, str, float]:
    wait_s = chance.choice((chance.uniform(5, 60), chance.uniform(60, 400)))
    what = chance.choice(("step", "step", "step", "1970", "discipline", "lose", "suspend"))
    amount = {
        "step": chance.choice(STEPS_S) * chance.choice((-1, 1)),
        "1970": chance.uniform(0, 100),
        "suspend": chance.choice((30.0, 59.0, 61.0, 1_000.0, 90_000.0)),
    }.get(what, 0.0)
    return wait_s, what, amount


async def scenario(folder: Path, seed: str, start: datetime, *, trusted: bool) -> Gateway:
    """Some boots, each with some processes and incidents; at last the time is known."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    machine = Machine(start, trusted=trusted)
    gateway = Gateway(folder, machine)
    for _ in range(chance.randint(1, 3)):
        for _ in range(chance.randint(1, 2)):
            plan = [incident(chance) for _ in range(chance.randint(0, 4))]
            if trusted:
                plan = [one for one in plan if one[1] not in {"discipline", "lose"}]
            await gateway.run([*plan, (chance.uniform(5, 100), "end", 0.0)])
            machine.turn(chance.uniform(1, 100))
            gateway.counted["processes"] += 1
        wall = {0: None, 1: datetime(1970, 1, 1, tzinfo=UTC), 2: machine.true + timedelta(hours=3)}
        machine.reboot(chance.uniform(1, 10_000), wall[chance.randrange(3)])
        gateway.counted["boots"] += 1
    await gateway.run([(70.0, "discipline", 0.0), (130.0, "end", 0.0)])
    return gateway


async def test_no_boundary_is_skipped_or_repeated_and_no_time_is_made_up(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    counted: Counter[str] = Counter()
    kinds: Counter[TimeQuality] = Counter()
    zones = list(NIGHTS)
    for number in range(SCENARIOS):
        zone = zones[number % len(zones)]
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            with living_in(zone):
                trusted = number % 5 == 4
                gateway = await scenario(folder, f"{SEED}/{number}", NIGHTS[zone], trusted=trusted)
            kinds += await gateway.check()
        except AssertionError as error:
            error.add_note(f"scenario {number}, seed {SEED}, {zone}")
            raise
        counted += gateway.counted
    record_property("scenarios", f"{SCENARIOS}, seed {SEED}")
    record_property("incidents", dict(sorted(counted.items())))
    record_property("readings by time", {k.name.lower(): n for k, n in sorted(kinds.items())})
    assert set(kinds) == set(TimeQuality)


async def test_where_the_gateway_lives_changes_nothing(tmp_path: Path) -> None:
    outcomes = []
    for zone in ("UTC", *NIGHTS):
        folder = tmp_path / zone.replace("/", "-")
        folder.mkdir()
        with living_in(zone):
            gateway = await scenario(folder, f"{SEED}/zone", NIGHTS["Europe/Berlin"], trusted=False)
        outcomes.append({name: meter.truly for name, meter in gateway.meters.items()})
    assert all(outcome == outcomes[0] for outcome in outcomes)


@pytest.mark.parametrize("zone", NIGHTS)
async def test_the_night_that_clocks_change_has_every_quarter_once(
    zone: str, tmp_path: Path
) -> None:
    machine = Machine(NIGHTS[zone] - timedelta(hours=1), trusted=True)
    gateway = Gateway(tmp_path, machine, periods_s=(900,))
    with living_in(zone):
        await gateway.run([(4 * 3_600.0 + 10, "end", 0.0)])
    times = gateway.meters["0"].truly[1:]
    assert len(times) == 16
    assert {after - before for before, after in pairwise(times)} == {timedelta(minutes=15)}
