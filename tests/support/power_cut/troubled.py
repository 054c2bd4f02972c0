"""A buffer on a disk that refuses, as its parent wishes.

`python -m tests.support.power_cut.troubled FOLDER CYCLES` says after each cycle whether it was
accepted, and in the end which events were noted. It ends as a killed process does.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from edge_agent.buffer.buffer import Buffer
from firmware_bridge.contract.envelope import open_batch
from firmware_bridge.contract.errors import EnvironmentFaultError
from tests.support.power_cut.contents import BUFFER, GATEWAY, T0, cycle, moment
from tests.support.power_cut.ptrace import be_traced
from tests.support.power_cut.workload import say_to

ACKNOWLEDGED_EVERY, CHECKPOINT_PAGES = 20, 24


async def run(folder: Path, cycles: int) -> None:
    """Store cycles; what is refused is told and not tried again."""
    say = say_to(folder)
    buffer = await Buffer.open(folder / BUFFER, GATEWAY, T0)
    await buffer.engine.database.rows(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    say(opened=True)
    for number in range(1, cycles + 1):
        try:
            await buffer.store(cycle(number, 60 if number % 7 == 0 else 2))
        except EnvironmentFaultError as error:
            say(refused=number, code=error.code, alarmed=buffer.engine.alarmed)
            continue
        say(accepted=number, alarmed=buffer.engine.alarmed)
        if number % ACKNOWLEDGED_EVERY == 0:
            sequence = buffer.last - 5
            header = open_batch(GATEWAY, await buffer.fetch(buffer.current, sequence, T0)).header
            buffer.acknowledge(buffer.current, sequence, header.sha256, moment(number))
            say(acknowledged=sequence)
    rows = await buffer.engine.database.rows("SELECT code FROM event ORDER BY id")
    say(events=[row[0] for row in rows])
    os._exit(0)


if __name__ == "__main__":
    be_traced()
    asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2])))
