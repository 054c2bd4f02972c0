"""A disk that is really full, mounted read-only, or takes no more writes while the agent runs."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import resource
import subprocess
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.records import Cycle
from edge_agent.cancellation import end
from edge_agent.errors import BufferFullError, BufferUnavailableError
from edge_agent.polling.meter import Meter
from edge_agent.polling.poller import Poller
from edge_agent.polling.recorder import Recorder
from firmware_bridge.contract.envelope import open_batch
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source
from tests.support.edge_clock import HandClock, ScriptedMeter

from .conftest import GATEWAY, as_toml, virtual_meters
from .test_agent_process import agent_process, cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T0 = datetime(2026, 1, 1, tzinfo=UTC)
CHANNEL = Channel("EAS", "1", ACTIVE_IMPORT, Kind.REGISTER, 900, Source.LIVE, Unit.WATT_HOUR)
DISK = "14m"
REFUSALS = 20
NOISE = Random(3)  # noqa: S311 - values that do not compress


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("may not mount a small file system: run as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def cycle(number: int) -> Cycle:
    now = T0 + timedelta(minutes=15 * number)
    some = [
        Reading(CHANNEL, now + timedelta(milliseconds=i), NOISE.getrandbits(60), 0)
        for i in range(900)
    ]
    return Cycle(now, some, {"meter.m1.profile_ms": number})


async def fill_disk(folder: Path) -> None:
    with (folder / "ballast").open("ab", buffering=0) as ballast:
        for size in (65_536, 4_096):
            try:
                while True:
                    ballast.write(bytes(size))
            except OSError:
                continue
    assert os.statvfs(folder).f_bavail == 0


async def kept(buffer: Buffer) -> list[int]:
    found: list[int] = []
    for view in buffer.views():
        for sequence in range(view.first, view.last + 1):
            batch = open_batch(GATEWAY, await buffer.fetch(view.epoch, sequence, T0))
            assert batch.void is None
            found += batch.columns.mantissa
    return found


def assert_nothing_set_aside(folder: Path) -> None:
    assert not list(folder.glob("*damaged*"))


async def codes(buffer: Buffer) -> list[str]:
    await buffer.flush()
    return [
        row[0] for row in await buffer.engine.database.rows("SELECT code FROM event ORDER BY id")
    ]


async def test_a_full_disk_keeps_what_was_accepted_alarms_once_and_heals(small_disk: Path) -> None:
    path = small_disk / "buffer.db"
    buffer = await Buffer.open(path, GATEWAY, T0)
    accepted: list[int] = []
    refused = number = 0
    while number < 600 and (refused < REFUSALS or buffer.engine.short):
        if refused == REFUSALS:
            (small_disk / "ballast").unlink(missing_ok=True)
        elif number >= 10:
            # What was given up to make room is taken by others.
            await fill_disk(small_disk)
        number += 1
        one = cycle(number)
        try:
            await buffer.store(one)
        except BufferFullError:
            refused += 1
            assert buffer.engine.short
        else:
            accepted += [reading.mantissa for reading in one.readings]
    assert refused == REFUSALS
    assert not buffer.engine.short
    assert await kept(buffer) == accepted
    assert (await buffer.counts()).reconcile
    assert await codes(buffer) == ["disk_short", "disk_relieved"]
    await buffer.close()
    assert_nothing_set_aside(small_disk)


async def test_a_power_cut_on_a_full_disk_loses_nothing(small_disk: Path) -> None:
    path = small_disk / "buffer.db"
    buffer = await Buffer.open(path, GATEWAY, T0)
    accepted: list[int] = []
    await fill_disk(small_disk)
    for number in range(30):
        one = cycle(number)
        with contextlib.suppress(BufferFullError):
            await buffer.store(one)
            accepted += [reading.mantissa for reading in one.readings]
    await buffer.close(flush=False)
    buffer = await Buffer.open(path, GATEWAY, T0)
    assert await kept(buffer) == accepted
    (small_disk / "ballast").unlink()
    one = cycle(31)
    await buffer.store(one)
    assert await kept(buffer) == [*accepted, *(reading.mantissa for reading in one.readings)]
    await buffer.close()
    assert_nothing_set_aside(small_disk)


class MeterWithMemory(ScriptedMeter):
    has_profile = True


async def test_the_alarm_ends_also_where_every_meter_is_left_alone_meanwhile(
    small_disk: Path,
) -> None:
    clock = HandClock()
    buffer = await Buffer.open(small_disk / "buffer.db", GATEWAY, clock.now)
    meter = MeterWithMemory(clock)
    stations = [Meter("m1", meter, period_s=60, profile_readable=True)]
    poller = Poller(stations, Recorder(buffer, clock, lambda: None), buffer, clock)
    await fill_disk(small_disk)
    # Room for a transaction, and short all the same.
    os.truncate(small_disk / "ballast", os.stat(small_disk / "ballast").st_size - 2_000_000)  # noqa: PTH116 - a test's own file
    task = asyncio.create_task(poller.run())
    begin = clock.passed
    while clock.passed < begin + 600:  # noqa: ASYNC110 - the clock is turned by the poller
        await asyncio.sleep(0)
    spared = len(meter.reads)
    alarmed = buffer.engine.short
    (small_disk / "ballast").unlink()
    while clock.passed < begin + 1_200:  # noqa: ASYNC110 - the same
        await asyncio.sleep(0)
    await end(task)
    assert (alarmed, spared) == (True, 1)
    assert not buffer.engine.short
    assert len(meter.reads) > 5
    assert await codes(buffer) == ["disk_short", "disk_relieved"]
    await buffer.close()


async def test_a_read_only_file_system_is_named_and_nothing_in_it_changes(
    small_disk: Path,
) -> None:
    path = small_disk / "buffer.db"
    buffer = await Buffer.open(path, GATEWAY, T0)
    accepted = []
    for number in range(5):
        one = cycle(number)
        await buffer.store(one)
        accepted += [reading.mantissa for reading in one.readings]
    await buffer.close()
    before = hashlib.sha256(path.read_bytes()).digest()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)  # noqa: ASYNC221
    try:
        with pytest.raises(BufferUnavailableError):
            await Buffer.open(path, GATEWAY, T0)
        assert hashlib.sha256(path.read_bytes()).digest() == before
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)  # noqa: ASYNC221
    buffer = await Buffer.open(path, GATEWAY, T0)
    assert await kept(buffer) == accepted
    await buffer.close()
    assert_nothing_set_aside(small_disk)


async def test_a_disk_that_stops_taking_writes_under_a_running_agent_heals(tmp_path: Path) -> None:
    """Every write fails as on a disk that went read-only: the process may write no file at all."""
    async with virtual_meters(days=1) as site:
        config = tmp_path / "edge.toml"
        config.write_text(as_toml(site.config(tmp_path, 1, period_s=1, load_profile=False)))
        async with agent_process(config) as process:
            await state(config, lambda health: health["readings"]["read"] >= 8)
            _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, most))
            broken = await state(config, lambda health: bool(health["disk_failing"]))
            await asyncio.sleep(3.5)
            still = await state(config, lambda health: bool(health["disk_failing"]))
            assert still["readings"] == broken["readings"]
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
            healed = await state(config, lambda health: not health["disk_failing"])
            assert healed["pid"] == process.pid
            # What was read meanwhile waited in memory, with its own times.
            assert healed["readings"]["read"] >= broken["readings"]["read"] + 4
            process.terminate()
            assert await process.wait() == 0
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, datetime.now(UTC))
    counts = await buffer.counts()
    assert counts.reconcile
    assert len(await kept(buffer)) == counts.read
    found = [code for code in await codes(buffer) if code.startswith("disk")]
    assert found == ["disk_failing", "disk_works"]
    await buffer.close()
    assert_nothing_set_aside(tmp_path)


async def state(
    config: Path, wanted: Callable[[dict[str, Any]], bool], seconds: float = 60.0
) -> dict[str, Any]:
    """The agent's health, once it is as wanted."""
    async with asyncio.timeout(seconds):
        while True:
            _, out = await cli("status", "--json", "--config", str(config))
            health: dict[str, Any] = json.loads(out)
            if health.get("running") and wanted(health):
                return health
            await asyncio.sleep(0.1)
