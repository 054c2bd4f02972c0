"""Tasks end, though one cancellation may be lost."""

from __future__ import annotations

import asyncio

import pytest

from central.process import start
from central.process.start import ended


async def test_a_lost_cancellation_keeps_no_process_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "_CANCEL_AGAIN_S", 0.01)
    lost = 0

    async def loses_two() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost == 2:
                    raise
                lost += 1

    task = asyncio.create_task(loses_two())
    await asyncio.sleep(0)
    await asyncio.wait_for(ended(task), 60)
    assert (task.cancelled(), lost) == (True, 2)
