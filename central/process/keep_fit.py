"""Ending a process whose database is migrated under it to what it cannot work with."""

from __future__ import annotations

import asyncio
import contextlib
from typing import NoReturn

from central.adapters.timescale.fitness import FitCheck
from central.adapters.timescale.pool import Pool
from central.service.ports.faults import StoreFaultError
from central.service.ports.ingest import StoreUnavailableError
from central.service.stopping import stop_if_cancelled

COMPARE_EVERY_S = 20.0
"""How often a process compares the schema's version with those that it knows. [s]"""


async def keep_fit(pool: Pool) -> NoReturn:
    """Compare the schema's version now and then, until cancelled.

    A database that is away is the matter of those who need it; its schema is compared when it is
    back.

    Args:
        pool: An open pool.

    Raises:
        StoreUnfitError: The database is no longer one that this release can work with.
    """
    fit = FitCheck(pool)
    while True:
        stop_if_cancelled()
        with contextlib.suppress(StoreUnavailableError, StoreFaultError):
            await fit()
        await asyncio.sleep(COMPARE_EVERY_S)
