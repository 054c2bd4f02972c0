"""Jobs are done once a night, and one that fails stops no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from central.service.nightly import RETRY, Nightly, next_night
from central.service.ports.ingest import StoreUnavailableError

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (NOON, datetime(2026, 10, 2, 2, tzinfo=UTC)),
        (datetime(2026, 10, 1, 1, 59, tzinfo=UTC), datetime(2026, 10, 1, 2, tzinfo=UTC)),
        (datetime(2026, 10, 1, 2, tzinfo=UTC), datetime(2026, 10, 2, 2, tzinfo=UTC)),
    ],
)
def test_a_night_begins_at_two(now: datetime, due: datetime) -> None:
    assert next_night(now) == due


async def test_a_job_is_done_once_a_night() -> None:
    calls: list[datetime] = []

    async def job(now: datetime) -> int:
        calls.append(now)
        return len(calls)

    nightly = Nightly({"count": job})
    for hours in range(0, 49, 1):
        await nightly.step(NOON + timedelta(hours=hours))
    assert calls == [NOON + timedelta(hours=14), NOON + timedelta(hours=38)]


async def test_a_job_that_fails_is_tried_again_soon() -> None:
    calls: list[str] = []

    async def bad(now: datetime) -> None:
        calls.append("bad")
        raise ValueError(now)

    async def good(now: datetime) -> None:
        del now
        calls.append("good")

    nightly = Nightly({"bad": bad, "good": good})
    assert await nightly.step(NOON) == []
    night = next_night(NOON)
    outcomes = await nightly.step(night)
    assert [(one.name, type(one.error)) for one in outcomes] == [
        ("bad", ValueError),
        ("good", type(None)),
    ]
    assert await nightly.step(night + RETRY - timedelta(seconds=1)) == []
    await nightly.step(night + RETRY)
    assert calls == ["bad", "good", "bad"]


async def test_a_store_that_is_away_leaves_everything_due() -> None:
    away = True

    async def job(now: datetime) -> str:
        del now
        if away:
            message = "gone"
            raise StoreUnavailableError(message)
        return "done"

    nightly = Nightly({"job": job})
    await nightly.step(NOON)
    with pytest.raises(StoreUnavailableError):
        await nightly.step(next_night(NOON))
    away = False
    assert [one.done for one in await nightly.step(next_night(NOON))] == ["done"]
