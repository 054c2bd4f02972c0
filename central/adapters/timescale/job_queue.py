"""The queue that wakes workers: who sees that a job is due puts its name in, and one gets it.

It is a library's, on tables of its own, and holds nothing that must last: what is due, taken and
done stands in Meterline's rows, by the clock of the use-case. The library's own clock, the
server's, says how long a worker has not been heard of, and then its entries are swept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status

from central.adapters.timescale.errors import meaning_of, translated
from central.adapters.timescale.pool import Pool, make_pool, session_of
from central.adapters.timescale.queue_schema import QUEUE_SCHEMA
from central.config.connection_limits import ConnectionLimits

AT_ONCE = 4
"""How many jobs one worker does at a time."""

SILENT_S = 60.0
"""After how long a worker that is not heard of has nothing in the queue any more. [s]"""
_HEARTBEAT_S = 10.0
_STOP_S = 3.0
_POLL_S = 30.0
_QUEUE, _TASK = "meterline", "meterline.job"


class JobQueue:
    """Hands names of jobs to workers. Made by `job_queue`.

    Args:
        app: The library's, open.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def put(self, job: str, night: str = "") -> bool:
        """Have a worker do a job; whether it was not waiting already.

        Args:
            job: Its name.
            night: Of the occurrence, as ISO text; "" for a job without one.

        Raises:
            StoreUnavailableError: Try again.
            StoreUnfitError: The deployment is at fault.
        """
        waiting = self._app.configure_task(
            _TASK, queue=_QUEUE, queueing_lock=f"{job} {night}", allow_unknown=False
        )
        with _meaning():
            try:
                await waiting.defer_async(job=job, night=night)
            except AlreadyEnqueued:
                return False
        return True

    async def serve(self) -> None:
        """Do jobs until cancelled; what is at work then has a few seconds to end.

        Raises:
            StoreUnavailableError: The database went away; begin anew.
            StoreUnfitError: The deployment is at fault.
        """
        with _meaning():
            await self._app.run_worker_async(
                queues=[_QUEUE],
                concurrency=AT_ONCE,
                delete_jobs="always",
                install_signal_handlers=False,
                fetch_job_polling_interval=_POLL_S,
                update_heartbeat_interval=_HEARTBEAT_S,
                stalled_worker_timeout=SILENT_S,
                shutdown_graceful_timeout=_STOP_S,
            )

    async def sweep(self) -> int:
        """Remove entries of workers that are not heard of; how many.

        Raises:
            StoreUnavailableError: Try again.
            StoreUnfitError: The deployment is at fault.
        """
        manager, swept = self._app.job_manager, 0
        with _meaning():
            for job in await manager.get_stalled_jobs(seconds_since_heartbeat=SILENT_S):
                try:
                    await manager.finish_job(job, Status.FAILED, delete_job=True)
                except ConnectorException as error:
                    if not isinstance(error.__cause__, psycopg.errors.RaiseException):
                        raise
                else:
                    swept += 1  # it raises where another swept it
        return swept


@asynccontextmanager
async def job_queue(
    dsn: str, work: Callable[[str, str], Awaitable[None]], limits: ConnectionLimits
) -> AsyncIterator[JobQueue]:
    """Open the queue.

    Args:
        dsn: How to reach the database.
        work: Does a job, given its name and night; raises nothing.
        limits: How long a connection may stand still.

    Raises:
        StoreUnavailableError: It does not answer.
    """

    def pool(**_: object) -> Pool:
        return make_pool(
            dsn, max_size=AT_ONCE, name="meterline-jobs", limits=limits, schema=QUEUE_SCHEMA
        )

    # The connection that listens is none of the pool's; it is made alike.
    app = App(
        connector=PsycopgConnector(pool_factory=pool, configure=session_of(limits, QUEUE_SCHEMA))
    )

    @app.task(name=_TASK)
    async def do(job: str, night: str) -> None:
        await work(job, night)

    with translated():
        await app.open_async()
    try:
        yield JobQueue(app)
    finally:
        await app.close_async()


@contextmanager
def _meaning() -> Iterator[None]:
    """Raise a port's errors in place of the library's."""
    try:
        with translated():
            yield
    except ConnectorException as error:
        if isinstance(error.__cause__, psycopg.Error):
            raise meaning_of(error.__cause__) from error
        raise
