"""Meters that come, go and change while the agent runs: whoever stays misses no beat."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from edge_agent.buffer.batches import readings_of
from edge_agent.buffer.buffer import Buffer
from edge_agent.cancellation import end
from edge_agent.config.settings import MeterSettings
from edge_agent.polling.meter_set import MeterSet
from edge_agent.polling.recorder import Recorder
from firmware_bridge.driver.interface import DriverSettingError, ReadOut
from tests.support.clock_world import (
    Incident,
    Look,
    Machine,
    RecordedMeter,
    WatchedPoller,
    check_rhythm,
)
from tests.support.size import sized

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

LIVES = sized("METERLINE_RELOADS", 15, 1_000)
SEED = 20_261_123
GATEWAY = "gw-1"
STAYS = "stays"


@dataclass
class DriverFactory:
    """Makes drivers, and knows which of them are open."""

    machine: Machine
    made: list[ExclusiveMeter] = field(default_factory=list)
    entered: Counter[str] = field(default_factory=Counter)

    def create(self, protocol: str, settings: Mapping[str, object]) -> ExclusiveMeter:
        del protocol
        if settings.get("version") == "wrong":
            message = "There is no such version."
            raise DriverSettingError(message)
        meter = ExclusiveMeter(
            self, f"{len(self.made)}-{settings['version']}", str(settings["line"])
        )
        self.made.append(meter)
        return meter


class ExclusiveMeter(RecordedMeter):
    """A meter on a line of its own, which nobody else may have open while it is read."""

    def __init__(self, factory: DriverFactory, serial: str, line: str) -> None:
        super().__init__(factory.machine, serial, own_time=False)
        self.factory = factory
        self.line = line
        self.open = False

    async def __aenter__(self) -> Self:
        self.factory.entered[self.line] += 1
        assert self.factory.entered[self.line] == 1
        self.open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.factory.entered[self.line] -= 1
        self.open = False

    async def read(self) -> ReadOut:
        assert self.open
        return await super().read()


def settings(name: str, period_s: int, version: object) -> MeterSettings:
    return MeterSettings.model_validate(
        {"name": name, "protocol": "p", "period_s": period_s, "version": version, "line": name}
    )


def drawn(chance: random.Random) -> list[MeterSettings]:
    """The meter that stays, and any others."""
    others = [
        settings(name, chance.choice((60, 90, 300)), chance.randrange(2))
        for name in "abcd"
        if chance.random() < 0.6
    ]
    wanted = [settings(STAYS, 60, 0), *others]
    chance.shuffle(wanted)
    return wanted


async def live(folder: Path, seed: str, counted: Counter[str]) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    machine = Machine(datetime(2026, 3, 29, tzinfo=UTC), trusted=True)
    factory = DriverFactory(machine)
    buffer = await Buffer.open(folder / "buffer.db", GATEWAY, machine.wall())
    recorder = Recorder(buffer, machine, lambda: None)
    meter_set = MeterSet(recorder, buffer, machine, factory.create)
    await meter_set.change(drawn(chance))
    logs: dict[str, list[Look | Incident]] = defaultdict(list)
    poller = WatchedPoller(meter_set.meters, recorder, buffer, machine)
    poller.watch(machine, logs)
    tasks = [asyncio.create_task(work) for work in (poller.run(), meter_set.run())]
    for _ in range(chance.randint(3, 12)):
        until = machine.monotonic() + chance.choice((0.0, 3.0, 30.0, 60.0, 200.0))
        while machine.monotonic() < until:  # noqa: ASYNC110 - the poller's own sleep turns the clock
            await asyncio.sleep(0)
        await change(meter_set, drawn(chance), chance, counted)
        assert sorted(s.name for s in meter_set.meters) == sorted(
            line for line, users in factory.entered.items() if users
        )
    # Away from every boundary nothing is under way that a stop would give up.
    soon = machine.monotonic() + 3
    while machine.monotonic() < soon or not 10 < machine.wall().second % 30 < 20:  # noqa: ASYNC110
        await asyncio.sleep(0)
    for task in tasks:
        await end(task)
    await meter_set.close()
    check_rhythm(logs[STAYS], 60)
    counted["reads of the meter that stays"] += len(logs[STAYS])
    there: Counter[tuple[str, int]] = Counter()
    async for batch in buffer.newest(100_000):
        there.update((r.channel.serial, r.mantissa) for r in readings_of(batch))
    await buffer.close()
    assert dict(there) == {
        (meter.meter.serial, i + 1): 1 for meter in factory.made for i in range(len(meter.truly))
    }
    assert not +factory.entered


async def change(
    meter_set: MeterSet, wanted: list[MeterSettings], chance: random.Random, counted: Counter[str]
) -> None:
    """Now and then one that cannot be, which must change nothing."""
    before = [(s.name, s.driver, s.period_s) for s in meter_set.meters]
    if chance.random() < 0.2:
        try:
            await meter_set.change([*wanted, settings("e", 60, "wrong")])
        except DriverSettingError:
            counted["refused"] += 1
        assert [(s.name, s.driver, s.period_s) for s in meter_set.meters] == before
        return
    counted["applied"] += bool(await meter_set.change(wanted))
    assert {(s.name, s.period_s) for s in meter_set.meters} == {
        (w.name, w.period_s) for w in wanted
    }


async def test_meters_change_and_the_one_that_stays_misses_no_beat(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    counted: Counter[str] = Counter()
    for number in range(LIVES):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            await live(folder, f"{SEED}/{number}", counted)
        except AssertionError as error:
            error.add_note(f"life {number}, seed {SEED}")
            raise
    record_property("lives", f"{LIVES}, seed {SEED}")
    record_property("changes", dict(sorted(counted.items())))
    assert counted["applied"] > LIVES
    assert counted["refused"]
