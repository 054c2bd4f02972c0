"""A cancellation that was lost ends the task at its next step."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from central.service.stopping import stop_if_cancelled


async def test_a_cancellation_that_was_swallowed_ends_the_task_at_its_next_step() -> None:
    steps: list[int] = []

    async def work() -> None:
        while True:
            steps.append(len(steps))
            # As 3.11's wait_for does where its result comes at the same time.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            stop_if_cancelled()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 60)
    assert steps == [0]


async def test_who_was_not_told_goes_on() -> None:
    stop_if_cancelled()
    await asyncio.create_task(asyncio.sleep(0))
