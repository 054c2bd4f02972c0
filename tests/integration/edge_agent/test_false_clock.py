"""A real agent process whose wall clock is wrong, from a boot in 1970 to the centre."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from edge_agent.buffer.batches import readings_of
from firmware_bridge.contract.reading import Reading, Source, TimeQuality
from tests.support.edge_centre import Centre, listening

from .conftest import GATEWAY, as_toml, health_of, virtual_meters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker

SECOND = timedelta(seconds=1)


def tell(clock: Path, off_s: float, *, vouched: bool, boot: str) -> None:
    part = clock.with_suffix(".part")
    _, _, last, began_s = json.loads(clock.read_text()) if clock.exists() else (0, 0, None, 0)
    if boot != last:
        began_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    part.write_text(json.dumps([off_s, vouched, boot, began_s]))
    part.rename(clock)


@asynccontextmanager
async def agent_by(clock: Path, config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.false_clock", str(clock)),
        *("run", "--config", str(config)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def read(folder: Path, readings: int) -> dict[str, Any]:
    """Until the agent has accepted so many readings."""
    async with asyncio.timeout(90):
        while True:
            health = await health_of(folder)
            if health is not None and health["readings"]["read"] >= readings:
                return health
            await asyncio.sleep(0.05)


def lives(centre: Centre) -> list[Reading]:
    found = [
        reading
        for ledger in centre.epochs.values()
        for batch in ledger.batches.values()
        for reading in readings_of(batch)
        if reading.channel.source is Source.LIVE and reading.channel.obis.code[2] == 1
    ]
    return sorted(found, key=lambda reading: reading.at)


async def test_a_gateway_that_boots_in_1970_and_is_set_back_there(
    mosquitto: EmbeddedBroker, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    clock, config = tmp_path / "clock", tmp_path / "edge.toml"
    to_1970 = -time.time()
    centre = Centre(GATEWAY)
    async with virtual_meters(days=1) as site, asyncio.timeout(180):
        with mosquitto:
            table = site.config(tmp_path, mosquitto.port, period_s=1, load_profile=False)
            config.write_text(as_toml(table | {"clock": {"source": "kernel"}}))
            tell(clock, to_1970, vouched=False, boot="one")
            async with agent_by(clock, config):
                await read(tmp_path, 6)
            second_boot = datetime.now(UTC)
            tell(clock, -time.time(), vouched=False, boot="two")
            async with agent_by(clock, config), listening(centre, mosquitto.port):
                before = await read(tmp_path, 12)
                assert before["readings"]["held"] >= 12
                tell(clock, 0, vouched=True, boot="two")
                seen = len(lives(centre))
                while len(lives(centre)) < seen + 8:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
                # Somebody sets the clock to 1970: no reading is moved there.
                tell(clock, to_1970, vouched=False, boot="two")
                seen = len(lives(centre))
                while len(lives(centre)) < seen + 3:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                after = await read(tmp_path, 0)
            ended = datetime.now(UTC)
    readings = lives(centre)
    by_quality = {
        quality: [r for r in readings if r.time_quality is quality] for quality in TimeQuality
    }
    record_property("readings by time", {q.name.lower(): len(r) for q, r in by_quality.items()})
    assert (after["readings"]["held"], after["clock_quality"]) == (0, "holdover")
    bounded = by_quality[TimeQuality.UNSYNCHRONISED]
    assert len(bounded) >= 3
    for reading in bounded:
        assert reading.span_ms > 0
        assert reading.at < second_boot
    known = by_quality[TimeQuality.HOLDOVER] + by_quality[TimeQuality.SYNCHRONISED]
    times = sorted(reading.at for reading in known)
    assert len(known) >= 8
    assert second_boot - SECOND <= times[0]
    assert times[-1] <= ended
    # Each read has its own time, and they go on as they were taken, whatever the wall clock said.
    assert len(set(times)) == len(times)
    assert max(after - before for before, after in pairwise(times)) < 20 * SECOND
    assert len(centre.epochs) == 1
