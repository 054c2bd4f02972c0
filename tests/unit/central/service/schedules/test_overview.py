"""How jobs stand: done, at work, waiting without a worker, put off, given up, paused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest

from central.domain.schedule import JobSchedule
from central.service.ports.nights import TRIES, NightJob
from central.service.schedules.kinds import KINDS
from central.service.schedules.overview import WAITS_LONG, JobState, JobStatus, ShowSchedules
from tests.support.memory.nights import MemoryNightStore, MemoryScheduleStore

NIGHT = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 2, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
JOB = NightJob(NIGHT, "retry_held", uuid4())


class Watched:
    """Stores, and what is seen of one job."""

    def __init__(self) -> None:
        self.nights = MemoryNightStore()
        self.schedules = MemoryScheduleStore(lambda: ["Europe/Madrid", "America/Bogota"])
        self.now = NOW

    async def all(self) -> dict[str, JobStatus]:
        statuses = await ShowSchedules(self.schedules, self.nights, lambda: self.now)()
        return {status.key: status for status in statuses}

    async def job(self) -> JobStatus:
        return (await self.all())[JOB.name]


@pytest.fixture
def watched() -> Watched:
    return Watched()


async def test_every_job_with_a_time_of_its_own_is_there_in_each_zone(watched: Watched) -> None:
    own = [kind.name for kind in KINDS if kind.at is not None and kind.zone is not None]
    zones = ("America/Bogota", "Europe/Madrid")
    closing = [f"{job}@{zone}" for job in ("close_days", "keep_unbilled") for zone in zones]
    assert list(await watched.all()) == [*closing, *own]
    bogota = (await watched.all())[closing[0]]
    assert (bogota.night, bogota.next_at) == (
        date(2026, 11, 19),
        datetime(2026, 11, 20, 6, tzinfo=UTC),
    )


async def test_what_nobody_takes_says_after_a_while_that_no_worker_runs(watched: Watched) -> None:
    early = await watched.job()
    assert (early.state, early.code, early.trouble) == (JobState.WAITING, None, ())
    watched.now = datetime(2026, 11, 20, 2, tzinfo=UTC) + WAITS_LONG
    late = await watched.job()
    assert late.code == "NO_WORKER"
    assert "meterline-central worker" in late.trouble[0]


async def test_what_is_done_says_what_it_did_and_when_it_comes_next(watched: Watched) -> None:
    await watched.nights.take(JOB, NOW, NOW + MINUTE)
    assert (await watched.job()).state is JobState.RUNNING
    await watched.nights.end(JOB, NOW + MINUTE, "2 runs, 1 held")
    watched.now += 2 * MINUTE
    done = (await watched.job()).to_json()
    assert (done["state"], done["outcome"], done["retry_at"]) == ("done", "2 runs, 1 held", None)
    assert done["next_at"] == "2026-11-21T02:00:00+00:00"
    watched.now += timedelta(days=1)
    assert (await watched.job()).state is JobState.WAITING


async def test_what_fails_is_put_off_and_what_is_given_up_says_what_to_do(watched: Watched) -> None:
    at = NOW
    for _ in range(TRIES):
        worker = replace(JOB, worker=uuid4())
        await watched.nights.take(worker, at, at + MINUTE)
        await watched.nights.put_off(worker, at + MINUTE, "ValueError: no price")
        watched.now = at
        assert (await watched.job()).state is JobState.PUT_OFF
        at += MINUTE
    watched.now = at
    await watched.nights.give_up(JOB, at)
    failed = await watched.job()
    assert (failed.state, failed.code) == (JobState.FAILED, "JOB_GAVE_UP")
    (line,) = failed.trouble
    assert "ValueError: no price" in line
    assert "`schedule run retry_held`" in line


async def test_what_is_paused_comes_no_more_and_nothing_is_wrong(watched: Watched) -> None:
    watched.schedules.changed["retry_held"] = JobSchedule(
        "retry_held", "retry_held", time(2), paused=True
    )
    watched.now += timedelta(days=9)
    paused = await watched.job()
    assert (paused.state, paused.next_at, paused.code) == (JobState.PAUSED, None, None)
