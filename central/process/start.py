"""Start a process of the centre: its log, its settings, its signals, and why it did not start."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import SettingsError

from central.config.health import HealthSettings
from central.config.refusal import refusal_of
from firmware_bridge.contract.errors import Fault, MeterlineError
from firmware_bridge.log_lines import STANDARD_ERROR, log_to

EXIT_ERROR, EXIT_REFUSED = 1, 2
_CANCEL_AGAIN_S = 5.0
SettingsT = TypeVar("SettingsT", bound=HealthSettings)
_TO_MEND = frozenset({Fault.CONFIGURATION, Fault.OPERATOR, Fault.PEER})


def start(
    read: Callable[[], SettingsT], work: Callable[[SettingsT], Coroutine[Any, Any, None]]
) -> None:
    """Run a process until SIGINT or SIGTERM, as `python -m central.process...` does.

    Args:
        read: Reads the settings.
        work: Of the process, with them.
    """
    log_to(STANDARD_ERROR)
    try:
        settings = read()
        log_to(STANDARD_ERROR, as_json=settings.log_json)
        asyncio.run(until_signal(work(settings)))
    except MeterlineError as error:
        _end(error)
    except (ValidationError, SettingsError) as error:
        _end(refusal_of(error))


def exit_code_of(error: MeterlineError) -> int:
    """The exit code: 2 if an operator can correct the fault, such as a setting; else 1."""
    return EXIT_REFUSED if error.fault in _TO_MEND else EXIT_ERROR


async def ended(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks until all have ended.

    `asyncio.wait_for` of Python 3.11, under the driver, loses a cancellation that comes at the very
    moment at which what it waits for is there; such a task goes on for ever.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN_S)


async def until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Run work until it ends, or SIGINT or SIGTERM ends it."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise


def _end(error: MeterlineError) -> None:
    sys.stderr.write(f"{error.as_text()}\n")
    sys.exit(exit_code_of(error))
