"""Worker processes by a clock that a test turns, and that stand still in a job where it says so.

Each is a fork of one process that has everything imported, and does what
`python -m central.process.worker` does. `clock.json` in their folder holds how many seconds the
clock is off, and before or after which job of the night (`before estimate_held`) they wait; who
waits there says so in `standing`.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from pydantic import SecretStr

import central.process.jobs
import central.service.schedules.run_jobs
from central.adapters.timescale.pool import Pool
from central.config.settings import Settings
from central.domain.schedule import Occurrence
from central.process.start import until_signal
from central.process.worker import run_worker
from central.service.schedules.run_jobs import Job, Jobs
from firmware_bridge.log_lines import STANDARD_ERROR, log_to

_LOOK_S, _KEEP_S = 0.05, 0.5


class _Turned:
    """The clock as the file makes it, and where to wait."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _said(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads((self._folder / "clock.json").read_text())
        return said

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._said()["off_s"])

    async def stand(self, where: str) -> None:
        while self._said()["stand"] == where:
            (self._folder / "standing").write_text(f"{os.getpid()} {where}")
            await asyncio.sleep(_LOOK_S)

    def standing_in(self, name: str, job: Job) -> Job:
        async def done(now: datetime, due: Occurrence) -> object:
            await self.stand(f"before {name}")
            outcome = await job(now, due)
            await self.stand(f"after {name}")
            return outcome

        return done


def work(dsn: str, folder: str, number: int, idle_s: float) -> None:
    """Be a worker until a signal ends it."""
    turned, place = _Turned(Path(folder)), vars(central.process.jobs)
    with (Path(folder) / f"worker-{number}.log").open("wb") as log:
        os.dup2(log.fileno(), 2)
    log_to(STANDARD_ERROR)
    real_jobs = central.process.jobs.nightly_jobs

    def jobs(pool: Pool, settings: Settings, clock: Callable[[], datetime]) -> Jobs:
        nightly = real_jobs(pool, settings, clock)
        nightly.jobs = {name: turned.standing_in(name, job) for name, job in nightly.jobs.items()}
        return nightly

    place["nightly_jobs"] = jobs
    vars(central.service.schedules.run_jobs)["KEEP_EVERY_S"] = _KEEP_S
    settings = Settings(database=SecretStr(dsn), poll_s=0.2, idle_timeout_s=idle_s)

    async def listening() -> None:
        # Here the signals are caught; before, SIGTERM would end it as any process.
        (Path(folder) / f"listening-{os.getpid()}").touch()
        await run_worker(settings, turned.now)

    asyncio.run(until_signal(listening()))


class TurnedWorkers:
    """Workers on one database. Made by `turned_workers`.

    Args:
        dsn: Of the application.
        folder: For clock and logs.
        now: What the clock shows first.
        idle_s: How long a frozen worker's transaction stands. [s]
    """

    def __init__(self, dsn: str, folder: Path, now: datetime, idle_s: float) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.support.turned_workers"])
        self._dsn, self._idle_s = dsn, idle_s
        self._folder = folder
        self._off_s, self._stand = 0.0, ""
        self._started = 0
        self.all: list[BaseProcess] = []
        self.turn(now)

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._off_s)

    def turn(self, now: datetime) -> None:
        """Set the clock of all, which goes on from there."""
        self._off_s = (now - datetime.now(UTC)).total_seconds()
        self._say()

    def stand(self, where: str = "") -> None:
        """Have workers wait before or after a job; nowhere any more without one."""
        (self._folder / "standing").unlink(missing_ok=True)
        self._stand = where
        self._say()

    def _say(self) -> None:
        new = self._folder / "clock.new"
        new.write_text(json.dumps({"off_s": self._off_s, "stand": self._stand}))
        new.rename(self._folder / "clock.json")

    def start(self) -> BaseProcess:
        self._started += 1
        arguments = (self._dsn, str(self._folder), self._started, self._idle_s)
        process = self._context.Process(target=work, args=arguments)
        process.start()
        self.all.append(process)
        return process

    def end(self, process: BaseProcess, number: int = signal.SIGTERM) -> None:
        """End one by a signal."""
        assert process.pid is not None
        os.kill(process.pid, signal.SIGCONT)
        listening = self._folder / f"listening-{process.pid}"
        while number == signal.SIGTERM and process.is_alive() and not listening.exists():
            time.sleep(_LOOK_S)
        os.kill(process.pid, number)
        process.join(60)
        assert process.exitcode == (0 if number == signal.SIGTERM else -number), process.exitcode
        self.all.remove(process)

    def standing(self, seconds: float = 60) -> BaseProcess:
        """Wait until one stands where `stand` said."""
        deadline, file = time.monotonic() + seconds, self._folder / "standing"
        while True:
            if file.exists() and (said := file.read_text().split(maxsplit=1))[1:] == [self._stand]:
                return next(one for one in self.all if one.pid == int(said[0]))
            assert time.monotonic() < deadline, self.said()
            time.sleep(_LOOK_S)

    def said(self) -> str:
        """What all of them logged."""
        logs = sorted(self._folder.glob("worker-*.log"))
        return "\n".join(log.read_text(errors="replace") for log in logs)

    def jobs_done(self) -> Counter[str]:
        """How often each job was done, as the logs say."""
        lines = (line for line in self.said().splitlines() if "nightly_job_done" in line)
        return Counter(line.split("job=")[1].split()[0] for line in lines)


@contextmanager
def turned_workers(
    dsn: str, folder: Path, now: datetime, *, idle_s: float = 60.0
) -> Iterator[TurnedWorkers]:
    """Workers of one database; all of them are gone in the end."""
    workers = TurnedWorkers(dsn, folder, now, idle_s)
    try:
        yield workers
    finally:
        for process in workers.all:
            process.kill()
            process.join()
