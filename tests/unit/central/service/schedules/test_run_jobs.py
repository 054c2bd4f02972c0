"""Jobs are done once a night, whoever does them, and one that fails stops no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest

from central.domain.schedule import JobSchedule, Occurrence
from central.service.audit.origin import origin_now, process_origin
from central.service.ports.ingest import StoreUnavailableError
from central.service.ports.nights import TRIES, NightJob
from central.service.schedules import plan, run_jobs
from central.service.schedules.kinds import JobKind
from central.service.schedules.plan import DueJobs
from central.service.schedules.run_jobs import LEASE, RETRY, JobOutcome, Jobs, JobStoppedError
from tests.support.memory.nights import MemoryNightStore, MemoryScheduleStore

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
NIGHT = datetime(2026, 10, 2, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Work = Callable[[datetime], Awaitable[object]]


class Nights:
    """Workers on one store, and a clock that the test turns."""

    def __init__(self, patch: pytest.MonkeyPatch, /, **jobs: Work) -> None:
        self.store, self.schedules = MemoryNightStore(), MemoryScheduleStore(list)
        self.now = NOON
        self.done: list[tuple[str, datetime]] = []
        self._jobs = {**jobs, "note": self.note}
        kinds = [JobKind(name, "does something") for name in self._jobs]
        patch.setattr(plan, "KINDS", kinds)
        patch.setattr(plan, "_PLACES", {kind.name: at for at, kind in enumerate(kinds)})
        patch.setattr(plan, "kind_of", {kind.name: kind for kind in kinds}.get)
        self.one = self.worker()

    def worker(self) -> Jobs:
        table = {name: self._job(work) for name, work in self._jobs.items()}
        return Jobs(table, DueJobs(self.schedules), self.store, lambda: self.now)

    @staticmethod
    def _job(work: Work) -> run_jobs.Job:
        async def job(now: datetime, _: Occurrence) -> object:
            return await work(now)

        return job

    async def note(self, now: datetime) -> None:
        self.done.append(("note", now))

    async def at(self, now: datetime, worker: Jobs | None = None) -> list[JobOutcome]:
        self.now = now
        return await (worker or self.one).step()

    @property
    def times(self) -> list[datetime]:
        return [at for _, at in self.done]


async def test_a_job_is_done_once_a_night(monkeypatch: pytest.MonkeyPatch) -> None:
    nights = Nights(monkeypatch)
    for hours in range(49):
        await nights.at(NOON + hours * HOUR)
    assert nights.times == [NOON, NIGHT, NIGHT + DAY]


async def test_two_workers_share_a_night(monkeypatch: pytest.MonkeyPatch) -> None:
    nights = Nights(monkeypatch)
    other = nights.worker()
    for hours in range(49):
        await nights.at(NOON + hours * HOUR, other)
        await nights.at(NOON + hours * HOUR)
    assert nights.times == [NOON, NIGHT, NIGHT + DAY]


@pytest.mark.parametrize("hour", [0, 1, 2, 3, 12, 23])
async def test_a_restart_every_day_skips_no_night_and_does_none_twice(
    hour: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = Nights(monkeypatch)
    for hours in range(24 * 5):
        now = NOON + hours * HOUR
        if now.hour == hour:
            nights.one = nights.worker()
        await nights.at(now)
    assert nights.times == [NOON, *(NIGHT + day * DAY for day in range(5))]


async def test_missed_nights_are_made_up_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    nights = Nights(monkeypatch)
    await nights.at(NOON)
    back = NOON + 7 * DAY
    for minutes in range(3):
        await nights.at(back + timedelta(minutes=minutes), nights.worker())
    assert nights.times == [NOON, back]


@pytest.mark.parametrize(("off", "more"), [(-HOUR, 0), (HOUR, 0), (DAY, 1), (400 * DAY, 2)])
async def test_a_clock_that_leaps_and_comes_back_skips_no_night(
    off: timedelta, more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = Nights(monkeypatch)
    for hours in range(24 * 4):
        now = NOON + hours * HOUR
        await nights.at(now + off if 16 <= hours < 20 else now)
    nightly = [at for at in nights.times if at.hour == 2]
    assert {NIGHT + DAY, NIGHT + 2 * DAY, NIGHT + 3 * DAY} <= set(nightly)
    # The clock that is ahead has a night more; one far ahead forgets tonight's.
    assert len(nights.done) <= 5 + more
    assert len(nightly) == len(set(nightly))


async def test_a_clock_set_back_amid_a_night_does_no_more_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def set_back(_: datetime) -> None:
        nights.now -= DAY

    nights = Nights(monkeypatch, set_back=set_back)
    outcomes = await nights.at(NOON + 2 * DAY)
    assert [one.name for one in outcomes] == ["set_back"]
    assert nights.done == []


async def test_who_dies_leaves_his_job_to_the_next_who_waits_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def slow(_: datetime) -> None:
        nights.done.append(("slow", nights.now))

    nights = Nights(monkeypatch, slow=slow)
    dead = NightJob(date(2026, 10, 1), "slow", uuid4())
    await nights.store.take(dead, NOON, NOON + LEASE)
    assert await nights.at(NOON + LEASE - timedelta(seconds=1)) == []
    assert nights.done == [], "what follows waits, too"
    outcomes = await nights.at(NOON + LEASE)
    assert [one.name for one in outcomes] == ["slow", "note"]


async def test_who_is_stopped_hands_his_job_over_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def slow(_: datetime) -> None:
        if not begun.is_set():
            begun.set()
            await asyncio.sleep(3600)

    nights = Nights(monkeypatch, slow=slow)
    first = asyncio.create_task(nights.one.step())
    await begun.wait()
    first.cancel()
    await asyncio.wait([first])
    outcomes = await nights.at(NOON, nights.worker())
    assert [one.name for one in outcomes] == ["slow", "note"]


async def test_who_stood_still_too_long_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_jobs, "KEEP_EVERY_S", 0.001)
    other = NightJob(date(2026, 10, 1), "slow", uuid4())
    stood_still = False

    async def slow(_: datetime) -> str:
        nonlocal stood_still
        if not stood_still:
            stood_still = True
            nights.now += LEASE
            await nights.store.take(other, nights.now, nights.now + LEASE)
            await asyncio.sleep(3600)
        return "done once"

    nights = Nights(monkeypatch, slow=slow)
    outcomes = await nights.at(NOON)
    assert [(one.name, one.lost) for one in outcomes] == [("slow", True)]
    outcomes = await nights.at(nights.now + LEASE)
    assert [(one.name, one.done) for one in outcomes] == [("slow", "done once"), ("note", None)]


async def test_a_job_that_always_fails_is_given_up_until_the_next_night_or_when_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries: list[datetime] = []

    async def bad(now: datetime) -> None:
        tries.append(now)
        raise ValueError(now)

    nights = Nights(monkeypatch, bad=bad)
    outcomes = [one for n in range(3 * TRIES) for one in await nights.at(NIGHT + n * RETRY)]
    assert [one.gave_up for one in outcomes if one.name == "bad"] == [False] * (TRIES - 1) + [True]
    assert tries == [NIGHT + n * RETRY for n in range(TRIES)]
    assert nights.times == [NIGHT]
    assert await nights.one.due() == []
    await nights.store.again(NIGHT.date(), "bad")
    assert [one.key for one in await nights.one.due()] == ["bad"]
    await nights.at(NIGHT + 20 * HOUR)
    await nights.at(NIGHT + DAY)
    assert len(tries) == TRIES + 2


async def test_a_job_that_ends_its_worker_each_time_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nights, now = Nights(monkeypatch), NIGHT
    for _ in range(TRIES):
        assert [one.key for one in await nights.one.due()] or now == NIGHT
        await nights.store.take(NightJob(NIGHT.date(), "note", uuid4()), now, now + LEASE)
        now += LEASE
        nights.now = now
    (outcome,) = await nights.at(now)
    assert outcome.gave_up
    assert isinstance(outcome.error, JobStoppedError)
    assert nights.done == []


async def test_what_is_due_is_the_next_of_its_chain_and_nothing_that_others_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def first(_: datetime) -> None: ...

    nights = Nights(monkeypatch, first=first)
    night = NOON.date()
    assert [one.key for one in await nights.one.due()] == ["first"]
    await nights.store.take(NightJob(night, "first", uuid4()), NOON, NOON + LEASE)
    assert await nights.one.due() == []
    nights.now += LEASE
    assert [one.key for one in await nights.one.due()] == ["first"]
    outcome = await nights.one.run_named("first", night)
    assert outcome == JobOutcome("first")
    assert [one.key for one in await nights.one.due()] == ["note"]
    assert await nights.one.run_named("first", night) is None
    assert await nights.one.run_named("note", night - DAY) is None


async def test_a_paused_job_is_not_done_and_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def first(_: datetime) -> None: ...

    nights = Nights(monkeypatch, first=first)
    nights.schedules.changed["first"] = JobSchedule("first", "first", time(2), paused=True)
    assert [one.name for one in await nights.at(NOON)] == ["note"]


async def test_a_zone_that_nobody_knows_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def first(_: datetime) -> None: ...

    nights = Nights(monkeypatch, first=first)
    nights.schedules.changed["first"] = JobSchedule("first", "first", time(2), "Mars/Olympus")
    assert [one.name for one in await nights.at(NOON)] == ["note"]


async def test_a_long_job_stays_with_who_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_jobs, "LEASE", timedelta(seconds=0.05))
    monkeypatch.setattr(run_jobs, "KEEP_EVERY_S", 0.01)
    seen: list[list[JobOutcome]] = []

    async def slow(now: datetime) -> None:
        for _ in range(4):
            nights.now += 0.8 * run_jobs.LEASE
            seen.append(await other.step())
            until = nights.now + run_jobs.LEASE
            while next(iter(nights.store.rows.values())).due_at < until:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert nights.now > now + 2 * run_jobs.LEASE

    nights = Nights(monkeypatch, slow=slow)
    other = nights.worker()
    assert [one.error for one in await nights.one.step()] == [None, None]
    assert seen == [[]] * 4


async def test_a_job_that_fails_is_tried_again_soon_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries: list[datetime] = []

    async def bad(now: datetime) -> None:
        tries.append(now)
        raise ValueError(now)

    nights = Nights(monkeypatch, bad=bad)
    outcomes = await nights.at(NIGHT)
    assert [(one.name, type(one.error)) for one in outcomes] == [
        ("bad", ValueError),
        ("note", type(None)),
    ]
    assert await nights.at(NIGHT + RETRY - timedelta(seconds=1), nights.worker()) == []
    await nights.at(NIGHT + RETRY)
    assert tries == [NIGHT, NIGHT + RETRY]
    assert nights.times == [NIGHT]


async def test_a_store_that_is_away_leaves_everything_due(monkeypatch: pytest.MonkeyPatch) -> None:
    away = True

    async def job(_: datetime) -> str:
        if away:
            message = "gone"
            raise StoreUnavailableError(message)
        return "done"

    nights = Nights(monkeypatch, job=job)
    with pytest.raises(StoreUnavailableError):
        await nights.at(NIGHT)
    away = False
    outcomes = await nights.at(NIGHT + timedelta(minutes=1))
    assert [(one.name, one.done) for one in outcomes] == [("job", "done"), ("note", None)]


async def test_what_was_done_long_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    nights = Nights(monkeypatch)
    for days in range(200):
        await nights.at(NIGHT + days * DAY)
    assert len(nights.store.rows) == 63


async def test_what_a_job_writes_says_which_job_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    async def look(_: datetime) -> None:
        await asyncio.sleep(0)
        heard.append(origin_now())

    nights = Nights(monkeypatch, look=look)
    await nights.at(NOON)
    assert heard == [f"{process_origin()} (look)"]
