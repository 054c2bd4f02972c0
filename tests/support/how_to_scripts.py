"""Scripts that how-tos show, run as their readers run them: against a server on a socket."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from central.adapters.documents.invoice import render_invoice
from central.api.app import create_app
from central.api.server import serving
from central.api.settings import WebSettings
from central.process.services import timescale_services
from tests.support.books import Utility, pool_of

TOKEN = "correct-horse-battery-staple-and-more"  # noqa: S105 - a made-up token
_HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"


def script_of(page: str) -> str:
    """The one script of a page of docs/how-to."""
    text = (_HOW_TO / page).read_text(encoding="utf-8")
    (block,) = re.findall(r"^ *```python\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return textwrap.dedent(block)


@asynccontextmanager
async def served(utility: Utility) -> AsyncIterator[str]:
    """The API of a utility, with its clock; where it is."""
    services = timescale_services(pool_of(utility), render_invoice, lambda: utility.now)
    web = WebSettings(port=0, token=TOKEN)
    async with serving(create_app(services, web), services, web) as address:
        yield address


async def ran(script: str, address: str, *arguments: object) -> str:
    """What a script prints, once it has ended without an error."""
    environment = {**os.environ, "METERLINE_URL": address, "METERLINE_TOKEN": TOKEN}
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, *map(str, arguments)),
        env=environment,
        stdout=pipe,
        stderr=pipe,
    )
    printed, errors = await running.communicate()
    assert running.returncode == 0, errors.decode()
    return printed.decode()


def months_back(count: int) -> date:
    """The first day of a month before the present one; scripts go by the server's own clock."""
    first = datetime.now(UTC).date().replace(day=1)
    for _ in range(count):
        first = (first - timedelta(days=1)).replace(day=1)
    return first
