"""Jobs are done once a night, whoever does them, and one that fails stops no other."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from central.service import nightly as module
from central.service.nightly import LEASE, RETRY, Job, JobOutcome, Nightly, night_of
from central.service.ports.ingest import StoreUnavailableError
from tests.support.memory.nights import MemoryNightStore

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
NIGHT = datetime(2026, 10, 2, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Nights:
    """Workers on one store, and a clock that the test turns."""

    def __init__(self, **jobs: Job) -> None:
        self.store = MemoryNightStore()
        self.now = NOON
        self.done: list[tuple[str, datetime]] = []
        self._jobs = jobs
        self.one = self.worker()

    def worker(self) -> Nightly:
        return Nightly({**self._jobs, "note": self.note}, self.store, lambda: self.now)

    async def note(self, now: datetime) -> None:
        self.done.append(("note", now))

    async def at(self, now: datetime, worker: Nightly | None = None) -> list[JobOutcome]:
        self.now = now
        return await (worker or self.one).step()

    @property
    def times(self) -> list[datetime]:
        return [at for _, at in self.done]


@pytest.mark.parametrize(
    ("now", "night"),
    [
        (NOON, date(2026, 10, 1)),
        (NIGHT - timedelta(minutes=1), date(2026, 10, 1)),
        (NIGHT, date(2026, 10, 2)),
    ],
)
def test_a_night_begins_at_two(now: datetime, night: date) -> None:
    assert night_of(now) == night


async def test_a_job_is_done_once_a_night() -> None:
    nights = Nights()
    for hours in range(49):
        await nights.at(NOON + hours * HOUR)
    assert nights.times == [NOON, NIGHT, NIGHT + DAY]


async def test_two_workers_share_a_night() -> None:
    nights = Nights()
    other = nights.worker()
    for hours in range(49):
        await nights.at(NOON + hours * HOUR, other)
        await nights.at(NOON + hours * HOUR)
    assert nights.times == [NOON, NIGHT, NIGHT + DAY]


@pytest.mark.parametrize("hour", [0, 1, 2, 3, 12, 23])
async def test_a_restart_every_day_skips_no_night_and_does_none_twice(hour: int) -> None:
    nights = Nights()
    for hours in range(24 * 5):
        now = NOON + hours * HOUR
        if now.hour == hour:
            nights.one = nights.worker()
        await nights.at(now)
    assert nights.times == [NOON, *(NIGHT + day * DAY for day in range(5))]


async def test_missed_nights_are_made_up_for_once() -> None:
    nights = Nights()
    await nights.at(NOON)
    back = NOON + 7 * DAY
    for minutes in range(3):
        await nights.at(back + timedelta(minutes=minutes), nights.worker())
    assert nights.times == [NOON, back]


@pytest.mark.parametrize(("off", "more"), [(-HOUR, 0), (HOUR, 0), (DAY, 1), (400 * DAY, 2)])
async def test_a_clock_that_leaps_and_comes_back_skips_no_night(off: timedelta, more: int) -> None:
    nights = Nights()
    for hours in range(24 * 4):
        now = NOON + hours * HOUR
        await nights.at(now + off if 16 <= hours < 20 else now)
    nightly = [at for at in nights.times if at.hour == 2]
    assert {NIGHT + DAY, NIGHT + 2 * DAY, NIGHT + 3 * DAY} <= set(nightly)
    # The clock that is ahead has a night more; one far ahead forgets tonight's.
    assert len(nights.done) <= 5 + more
    assert len(nightly) == len(set(nightly))


async def test_a_clock_set_back_amid_a_night_does_no_more_of_it() -> None:
    async def set_back(_: datetime) -> None:
        nights.now -= DAY

    nights = Nights(set_back=set_back)
    outcomes = await nights.at(NOON + 2 * DAY)
    assert [one.name for one in outcomes] == ["set_back"]
    assert nights.done == []


async def test_who_dies_leaves_his_job_to_the_next_who_waits_for_a_while() -> None:
    begun = asyncio.Event()

    async def slow(_: datetime) -> None:
        if not begun.is_set():
            begun.set()
            await asyncio.sleep(3600)

    nights = Nights(slow=slow)
    other = nights.worker()
    first = asyncio.create_task(nights.one.step())
    await begun.wait()
    first.cancel()
    await asyncio.wait([first])
    assert await nights.at(NOON + LEASE - timedelta(seconds=1), other) == []
    assert nights.done == [], "what follows waits, too"
    outcomes = await nights.at(NOON + LEASE, other)
    assert [one.name for one in outcomes] == ["slow", "note"]


async def test_a_long_job_stays_with_who_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEASE", timedelta(seconds=0.05))
    seen: list[list[JobOutcome]] = []

    async def slow(now: datetime) -> None:
        for _ in range(4):
            nights.now += 0.8 * module.LEASE
            seen.append(await other.step())
            (row,) = nights.store.rows.values()
            while row.due_at < nights.now + module.LEASE:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)
        assert nights.now > now + 2 * module.LEASE

    nights = Nights(slow=slow)
    other = nights.worker()
    assert [one.error for one in await nights.one.step()] == [None, None]
    assert seen == [[]] * 4


async def test_a_job_that_fails_is_tried_again_soon_and_stops_no_other() -> None:
    tries: list[datetime] = []

    async def bad(now: datetime) -> None:
        tries.append(now)
        raise ValueError(now)

    nights = Nights(bad=bad)
    outcomes = await nights.at(NIGHT)
    assert [(one.name, type(one.error)) for one in outcomes] == [
        ("bad", ValueError),
        ("note", type(None)),
    ]
    assert await nights.at(NIGHT + RETRY - timedelta(seconds=1), nights.worker()) == []
    await nights.at(NIGHT + RETRY)
    assert tries == [NIGHT, NIGHT + RETRY]
    assert nights.times == [NIGHT]


async def test_a_store_that_is_away_leaves_everything_due() -> None:
    away = True

    async def job(_: datetime) -> str:
        if away:
            message = "gone"
            raise StoreUnavailableError(message)
        return "done"

    nights = Nights(job=job)
    with pytest.raises(StoreUnavailableError):
        await nights.at(NIGHT)
    away = False
    outcomes = await nights.at(NIGHT + timedelta(minutes=1))
    assert [(one.name, one.done) for one in outcomes] == [("job", "done"), ("note", None)]


async def test_what_was_done_long_ago_is_forgotten() -> None:
    nights = Nights()
    for days in range(200):
        await nights.at(NIGHT + days * DAY)
    assert len(nights.store.rows) == 63
