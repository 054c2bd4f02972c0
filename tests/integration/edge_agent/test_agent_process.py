from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from edge_agent.buffer.buffer import Buffer
from tests.support.edge_centre import Centre, listening
from tests.support.size import sized

from .conftest import GATEWAY, as_toml, virtual_meters
from .test_agent_whole_path import assert_profile_is_whole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker

# Many more kills, of an agent that starts quicker, are those of tests/chaos/test_edge_kills.py.
KILLS = sized("METERLINE_AGENT_KILLS", 4, 40)
SEED = 20261001


async def cli(*arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from edge_agent.cli import main; main()",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


@asynccontextmanager
async def agent_process(
    config: Path, environment: dict[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from edge_agent.cli import main; main()",
        "run",
        "--config",
        str(config),
        env={**os.environ, **(environment or {})},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def status(config: Path) -> dict[str, Any]:
    code, out = await cli("status", "--json", "--config", str(config))
    assert code == 0, out
    parsed: dict[str, Any] = json.loads(out)
    return parsed


async def test_the_command_line_runs_reports_and_stops_cleanly(
    mosquitto: EmbeddedBroker, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with virtual_meters(days=1) as site:
        with mosquitto:
            config = tmp_path / "edge.toml"
            config.write_text(as_toml(site.config(tmp_path, mosquitto.port, period_s=1)))
            code, out = await cli("check-config", "--config", str(config))
            assert (code, "1 meters" in out) == (0, True)
            centre = Centre(GATEWAY)
            async with listening(centre, mosquitto.port), agent_process(config) as process:
                began = time.monotonic()
                while not centre.rows():  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
                first_s = time.monotonic() - began
                running = await status(config)
                process.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(process.wait(), 60) == 0
            down = await status(config)
            record_property("seconds to the first reading", f"{first_s:.1f}")
            assert running["running"]
            assert running["connected"]
            assert running["pid"] == process.pid
            assert running["clock_quality"] == "synchronised"
            assert not down["running"]
            assert down["readings"]["reconcile"]
            assert down["meters"]["m1"]["last_good_read"] is not None


async def test_a_second_agent_and_a_wrong_key_are_refused_by_name(tmp_path: Path) -> None:
    async with virtual_meters(days=1) as site:
        config = tmp_path / "edge.toml"
        config.write_text(as_toml(site.config(tmp_path, 1)))
        async with agent_process(config):
            while not (tmp_path / "buffer.db.sock").exists():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
            code, out = await cli("run", "--config", str(config))
            assert (code, "BUFFER_IN_USE" in out) == (1, True), out
        config.write_text(config.read_text().replace("period_s", "periods").replace("gateway", "g"))
        code, out = await cli("check-config", "--config", str(config))
        assert code == 3
        assert "`gateway`" in out
        assert str(config) in out


async def test_kills_at_random_moments_lose_and_repeat_nothing(
    mosquitto: EmbeddedBroker, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """The buffer answers for everything it accepted, and the centre gets each entry once."""
    moments = random.Random(SEED)  # noqa: S311 - repeatable
    record_property("seed", SEED)
    record_property("kills", KILLS)
    async with virtual_meters(days=60, meters=2) as site:
        with mosquitto:
            config = tmp_path / "edge.toml"
            config.write_text(as_toml(site.config(tmp_path, mosquitto.port, period_s=1)))
            centre = Centre(GATEWAY)
            async with listening(centre, mosquitto.port):
                for _ in range(KILLS):
                    async with agent_process(config) as process:
                        await asyncio.sleep(moments.uniform(0.4, 1.6))
                        os.kill(process.pid, signal.SIGKILL)
                        await process.wait()
                # What it reads between the last look and its end would be in the buffer alone.
                config.write_text(as_toml(site.config(tmp_path, mosquitto.port, period_s=3600)))
                async with agent_process(config):
                    async with asyncio.timeout(120):
                        while not await _whole(config, centre, 60 * 96 * 2):  # noqa: ASYNC110
                            await asyncio.sleep(0.2)
            for meter in site.meters.values():
                assert_profile_is_whole(centre, meter, 60)
            assert centre.strangers == 0
            buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, datetime.now(UTC))
            counts = await buffer.counts()
            await buffer.close()
            assert counts.reconcile
            assert counts.read == len(centre.rows())
            assert not [name for name in os.listdir(tmp_path) if "damaged" in name]  # noqa: PTH208 - no Path in async code


async def _whole(config: Path, centre: Centre, entries: int) -> bool:
    there = sum("profile" in row[0] and "1.8.0" in row[0] for row in centre.rows())
    return there >= entries and not (await status(config))["backlog"]
