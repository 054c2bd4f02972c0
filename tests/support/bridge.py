"""Real processes: `meterline-bridge simulate`, and an agent that reads what it plays."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from firmware_bridge.contract.reading import Channel, Quality, TimeQuality, from_ms, unpack_flags

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.edge_centre import Centre

BRIDGE = [sys.executable, "-m", "firmware_bridge.cli"]
EDGE = [sys.executable, "-c", "from edge_agent.cli import main; main()"]
ENDS_WITHIN_S = 60


@dataclass(frozen=True)
class Row:
    """A reading as the centre got it."""

    channel: Channel
    at: datetime
    value: Decimal
    quality: Quality
    time_quality: TimeQuality


def rows_of(centre: Centre) -> list[Row]:
    """Every reading in the order of its batch."""
    found = []
    for ledger in centre.epochs.values():
        for batch in ledger.batches.values():
            columns = batch.columns
            for channel, at_ms, mantissa, exponent, flags in zip(
                columns.channel,
                columns.at_ms,
                columns.mantissa,
                columns.exponent,
                columns.flags,
                strict=True,
            ):
                value = Decimal(mantissa).scaleb(exponent)
                found.append(
                    Row(batch.channels[channel], from_ms(at_ms), value, *unpack_flags(flags))
                )
    return found


@dataclass
class Simulation:
    """Virtual devices in a process of their own."""

    process: asyncio.subprocess.Process
    sites: list[dict[str, Any]]

    @property
    def configuration(self) -> str:
        return "\n".join(site["configuration"] for site in self.sites)


@asynccontextmanager
async def simulating(*arguments: str, sites: int = 1) -> AsyncIterator[Simulation]:
    """Play devices; ends cleanly or the test fails."""
    process = await asyncio.create_subprocess_exec(
        *BRIDGE, "simulate", "--json", *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        lines = [await process.stdout.readline() for _ in range(sites)]
        assert all(lines), f"simulate {arguments} ended at once"
        yield Simulation(process, [json.loads(line) for line in lines])
        if process.returncode is None:
            process.terminate()
            assert await asyncio.wait_for(process.wait(), ENDS_WITHIN_S) == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def run_bridge(*arguments: str) -> tuple[int, str, str]:
    """Run a command to its end: exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *BRIDGE, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def run_edge(*arguments: str) -> tuple[int, str]:
    """Run a command of the agent to its end: exit code and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *EDGE, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


def configure(folder: Path, gateway: str, broker_port: int, meters: str, period_s: int = 1) -> Path:
    """Write an agent's configuration round the proposed tables of its meters."""
    path = folder / "edge.toml"
    tables = meters.replace("[[meters]]\n", f"[[meters]]\nperiod_s = {period_s}\n")
    path.write_text(
        f'gateway = "{gateway}"\n[broker]\nurl = "mqtt://127.0.0.1:{broker_port}"\n'
        f'[buffer]\npath = "{folder / "buffer.db"}"\n[clock]\nsource = "trusted"\n{tables}'
    )
    return path


@asynccontextmanager
async def agent(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`meterline-edge run`; ends cleanly or the test fails. Its log stands beside the file."""
    with config.with_suffix(".log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *EDGE, "run", "--config", str(config), stdout=log, stderr=log
        )
        try:
            yield process
            process.terminate()
            assert await asyncio.wait_for(process.wait(), ENDS_WITHIN_S) == 0
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
