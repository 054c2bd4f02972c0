"""Ending a task that was told to end."""

from __future__ import annotations

import asyncio


def stop_if_cancelled() -> None:
    """End the current task where it was cancelled and the cancellation was lost.

    Python 3.11's `asyncio.wait_for`, which the clients of broker and database use, loses one that
    comes in the moment of its result. A task that goes on for ever asks between two steps.

    Raises:
        CancelledError: It was cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
