"""Seeing that a process's database became another: migrated beyond it, or restored."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import NoReturn

import structlog

from central.adapters.timescale.fitness import FitCheck
from central.adapters.timescale.instance import RestoreWatch
from central.adapters.timescale.pool import Pool
from central.service.ports.faults import StoreFaultError
from central.service.ports.ingest import StoreUnavailableError
from central.service.stopping import stop_if_cancelled

_log = structlog.get_logger(__name__)
COMPARE_EVERY_S = 20.0
"""How often a process compares the schema's version with those that it knows. [s]"""


async def keep_fit(pool: Pool) -> NoReturn:
    """Compare the schema's version now and then, until cancelled; see a restored database.

    A database that is away is the matter of those who need it; its schema is compared when it is
    back. In one that was restored or copied, codes and sign-ins are ended, by whichever process
    sees it first.

    Args:
        pool: An open pool.

    Raises:
        StoreUnfitError: The database is no longer one that this release can work with.
    """
    fit, restored = FitCheck(pool), RestoreWatch(pool)
    while True:
        stop_if_cancelled()
        with contextlib.suppress(StoreUnavailableError, StoreFaultError):
            await fit()
            if (what := await restored(datetime.now(UTC))) is not None:
                _log.warning("database_restored", another=what)
        await asyncio.sleep(COMPARE_EVERY_S)
