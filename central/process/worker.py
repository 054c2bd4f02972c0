"""The validation process: `python -m central.process.worker`; any number share the queue."""

from __future__ import annotations

import asyncio

import structlog

from central.adapters.timescale.fitness import check_fit
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.config.settings import Settings
from central.process.start import start
from central.service.ingest.patience import patiently
from central.service.ports.ingest import StoreUnavailableError
from central.service.validation.validate import Validate, VeeSettings

_log = structlog.get_logger(__name__)


async def run_worker(settings: Settings) -> None:
    """Validate what comes in until cancelled.

    It waits for a database that is not there, and for one that went away.

    Args:
        settings: Where the database is.

    Raises:
        StoreUnfitError: The database is not one that this release can work with.
    """
    dsn = settings.dsn()
    await patiently(lambda: check_fit(dsn), _wait_on)
    pool = make_pool(dsn, max_size=2, name="meterline-worker", check=False)
    await pool.open(wait=False)
    try:
        use_case = Validate(
            TimescaleValidationStore(pool), settings=VeeSettings(grace=settings.grace)
        )
        while True:
            try:
                tally = await use_case.step()
            except StoreUnavailableError as error:
                _wait_on(error)
                await asyncio.sleep(settings.poll_s)
                continue
            if tally.versions:
                _log.info("days_validated", days=tally.days, versions=tally.versions)
            if tally.idle:
                await asyncio.sleep(settings.poll_s)
    finally:
        await pool.close()


def _wait_on(error: StoreUnavailableError) -> None:
    _log.warning("database_unavailable", reason=error.message)


if __name__ == "__main__":
    start(lambda: run_worker(Settings()))
