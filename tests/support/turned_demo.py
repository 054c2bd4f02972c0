"""Run the demo with a clock that is off: `python -m tests.support.turned_demo SECONDS ARGUMENTS`.

The meters and the utility go by that clock. Agent and ingest are processes of their own and keep
the machine's; they read no time into what the meters remember.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import central.cli.demo
from central.cli import main
from central.demo.console import DemoConsole
from central.demo.scenario import Wish, play


def turned(off: timedelta) -> Callable[[Wish, DemoConsole, asyncio.Event], object]:
    """`play` by another clock."""

    async def play_then(wish: Wish, console: DemoConsole, leave: asyncio.Event) -> int:
        return await play(wish, console, leave, lambda: datetime.now(UTC) + off)

    return play_then


if __name__ == "__main__":
    off = timedelta(seconds=float(sys.argv.pop(1)))
    vars(central.cli.demo)["play"] = turned(off)
    main()
