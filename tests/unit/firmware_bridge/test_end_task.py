"""A task ends when it is told to, whatever of that is lost on the way."""

from __future__ import annotations

import asyncio

import pytest

from firmware_bridge.end_task import end_task


async def test_a_cancellation_that_is_lost_is_said_again() -> None:
    lost = 0

    async def deaf() -> None:
        nonlocal lost
        while lost < 2:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                lost += 1

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end_task(task, again_s=0.01)
    assert lost == 2
    assert task.done()


async def test_what_it_raised_is_raised() -> None:
    async def fails() -> None:
        raise LookupError

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    with pytest.raises(LookupError):
        await end_task(task)


async def test_one_that_ends_at_once_is_cancelled() -> None:
    task = asyncio.create_task(asyncio.sleep(3600))
    await end_task(task)
    assert task.cancelled()
