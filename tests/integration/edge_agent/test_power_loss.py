"""Power cuts while there is no network, and a clock that is wrong after each: nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from firmware_bridge.contract.reading import TimeQuality
from tests.support.edge_centre import Centre, listening

from .conftest import GATEWAY, as_toml, health_of, virtual_meters
from .test_false_clock import agent_by, lives, read, tell

if TYPE_CHECKING:
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker

THREE_YEARS_S = 3 * 365 * 86_400


async def test_what_was_read_before_power_cuts_without_network_arrives_once(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    clock, config = tmp_path / "clock", tmp_path / "edge.toml"
    centre = Centre(GATEWAY)
    mosquitto.start()
    mosquitto.kill()
    async with virtual_meters(days=1) as site, asyncio.timeout(180):
        table = site.config(tmp_path, mosquitto.port, period_s=1, load_profile=False)
        config.write_text(as_toml(table | {"clock": {"source": "kernel"}}))
        first_boot = datetime.now(UTC)
        tell(clock, 0, vouched=True, boot="one")
        async with agent_by(clock, config) as process:
            before = (await read(tmp_path, 6))["readings"]
            process.kill()
        first_cut = datetime.now(UTC)
        assert before["acknowledged"] == before["held"] == 0
        # The power is back, the network is not, and nothing says what time it is.
        tell(clock, -THREE_YEARS_S, vouched=False, boot="two")
        async with agent_by(clock, config) as process:
            waiting = (await read(tmp_path, before["read"] + 6))["readings"]
            process.kill()
        second_cut = datetime.now(UTC)
        assert waiting["held"] >= 6
        assert waiting["unacknowledged"] >= before["read"]
        # Once more, and this time the network comes while the clock is still wrong.
        tell(clock, -time.time(), vouched=False, boot="three")
        async with agent_by(clock, config):
            await read(tmp_path, waiting["read"] + 4)
            mosquitto.start()
            async with listening(centre, mosquitto.port):
                while len(lives(centre)) < 3:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
                tell(clock, 0, vouched=True, boot="three")
                health = await read(tmp_path, waiting["read"] + 8)
                while len(centre.rows()) < health["readings"]["read"]:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        mosquitto.kill()
        ended = datetime.now(UTC)
        after = await health_of(tmp_path)
    assert after is None
    readings = lives(centre)
    assert len(centre.epochs) == 1
    # Each moment once, and the meter's register never goes back over any of the three lives.
    assert set(Counter(reading.at for reading in readings).values()) == {1}
    by_quality = {
        quality: [r for r in readings if r.time_quality is quality] for quality in TimeQuality
    }
    early = [r for r in by_quality[TimeQuality.SYNCHRONISED] if r.at < first_cut]
    assert len(early) >= before["read"] // 2
    assert all(first_boot - timedelta(seconds=1) <= reading.at for reading in early)
    # Of the second life nobody knows the time: it lies between two moments that are known.
    bounded = by_quality[TimeQuality.UNSYNCHRONISED]
    assert len(bounded) >= 3
    for reading in bounded:
        assert reading.at <= second_cut
        assert reading.at + timedelta(milliseconds=reading.span_ms) >= first_cut
    late = [r for r in readings if r.at > second_cut and r.time_quality in KNOWN]
    assert len(late) >= 4
    assert all(reading.at <= ended for reading in late)


KNOWN = (TimeQuality.SYNCHRONISED, TimeQuality.HOLDOVER)
