"""Whose turn a job of the night is, told alike by every store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from central.service.ports.nights import AHEAD, KEPT, TRIES, JobTurn, NightJob, NightNote
from tests.support.books import Utility

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
UNTIL = NOW + 5 * MINUTE
OURS = NightJob(date(2026, 11, 20), "count", UUID(int=1))
THEIRS = replace(OURS, worker=UUID(int=2))


async def take(utility: Utility, job: NightJob, at: datetime = NOW) -> JobTurn:
    return await utility.nights.take(job, at, at + 5 * MINUTE)


async def test_one_takes_a_job_and_others_wait_until_it_is_done(utility: Utility) -> None:
    assert await take(utility, OURS) is JobTurn.OURS
    assert await take(utility, THEIRS) is JobTurn.OTHERS
    assert await take(utility, OURS) is JobTurn.OURS, "after the database was away"
    await utility.nights.end(THEIRS, NOW, "")
    assert await take(utility, THEIRS) is JobTurn.OTHERS, "it is not theirs to end"
    await utility.nights.end(OURS, NOW + MINUTE, "2 runs")
    for job in (OURS, THEIRS):
        assert await take(utility, job, NOW + 100 * MINUTE) is JobTurn.DONE
    assert await take(utility, replace(THEIRS, night=date(2026, 11, 21))) is JobTurn.OURS


async def test_of_many_at_once_one_takes_it(utility: Utility) -> None:
    workers = [replace(OURS, worker=UUID(int=number)) for number in range(8)]
    turns = await asyncio.gather(*(take(utility, worker) for worker in workers))
    assert sorted(turns) == sorted([JobTurn.OURS] + [JobTurn.OTHERS] * 7)


async def test_a_job_whose_worker_died_comes_free(utility: Utility) -> None:
    await take(utility, OURS)
    assert await utility.nights.keep(OURS, UNTIL + MINUTE)
    assert await take(utility, THEIRS, UNTIL) is JobTurn.OTHERS
    assert await take(utility, THEIRS, UNTIL + MINUTE) is JobTurn.OURS
    # Who went on after all keeps, ends and puts off nothing any more.
    assert not await utility.nights.keep(OURS, UNTIL + 60 * MINUTE)
    await utility.nights.put_off(OURS, UNTIL + 60 * MINUTE, "ValueError: late")
    assert not await utility.nights.end(OURS, UNTIL, "")
    assert await take(utility, OURS, UNTIL + 2 * MINUTE) is JobTurn.OTHERS
    assert await take(utility, OURS, UNTIL + 6 * MINUTE) is JobTurn.OURS


async def test_a_job_that_failed_is_put_off_for_all(utility: Utility) -> None:
    await take(utility, OURS)
    await utility.nights.put_off(OURS, UNTIL, "ValueError: \u20ac")
    for job in (OURS, THEIRS):
        assert await take(utility, job, UNTIL - MINUTE) is JobTurn.PUT_OFF
    assert await take(utility, THEIRS, UNTIL) is JobTurn.OURS
    await utility.nights.end(THEIRS, UNTIL, "")
    assert await take(utility, OURS, UNTIL) is JobTurn.DONE


async def test_what_a_clock_noted_that_was_ahead_keeps_nobody(utility: Utility) -> None:
    ahead = NOW + AHEAD + MINUTE
    await take(utility, OURS, ahead)
    assert await take(utility, THEIRS) is JobTurn.OURS
    await utility.nights.end(THEIRS, ahead, "")
    assert await take(utility, OURS) is JobTurn.OURS
    await utility.nights.end(OURS, NOW + AHEAD, "")
    assert await take(utility, THEIRS) is JobTurn.DONE


async def test_nights_long_over_are_forgotten(utility: Utility) -> None:
    await take(utility, OURS)
    await utility.nights.end(OURS, NOW, "")
    for days, turn in ((KEPT.days, JobTurn.DONE), (KEPT.days + 1, JobTurn.OURS)):
        later = replace(OURS, night=OURS.night + timedelta(days=days))
        assert await take(utility, later, NOW + timedelta(days=days)) is JobTurn.OURS
        await utility.nights.end(later, NOW + timedelta(days=days), "")
        assert await take(utility, OURS, NOW + timedelta(days=days)) is turn


async def fail(utility: Utility, times: int) -> datetime:
    """Fail as often; when it was for the last time."""
    at = NOW
    for number in range(times):
        at = NOW + number * MINUTE
        worker = replace(OURS, worker=UUID(int=number + 1))
        assert await take(utility, worker, at) is JobTurn.OURS
        await utility.nights.put_off(worker, at + MINUTE, f"ValueError: {number}")
    return at


async def test_a_job_is_tried_so_often_and_then_given_up_until_somebody_asks(
    utility: Utility,
) -> None:
    last = await fail(utility, TRIES)
    assert not await utility.nights.give_up(OURS, last), "it waits for its last try's pause"
    at = last + MINUTE
    assert await take(utility, OURS, at) is JobTurn.SPENT
    assert await utility.nights.give_up(OURS, at)
    assert not await utility.nights.give_up(THEIRS, at), "it is noted once"
    assert await take(utility, OURS, at + 100 * MINUTE) is JobTurn.GAVE_UP
    (note,) = await utility.nights.notes(OURS.night)
    assert (note.gave_up_at, note.error, note.attempts) == (at, f"ValueError: {TRIES - 1}", TRIES)
    await utility.nights.again(OURS.night, OURS.name)
    assert await take(utility, OURS, at + MINUTE) is JobTurn.OURS
    (note,) = await utility.nights.notes(OURS.night)
    assert note.attempts == 1


async def test_the_last_failure_of_our_own_is_given_up_with_its_reason(utility: Utility) -> None:
    at = await fail(utility, TRIES - 1) + MINUTE
    assert not await utility.nights.give_up(OURS, at - MINUTE, "too early")
    assert await take(utility, OURS, at) is JobTurn.OURS
    assert await utility.nights.give_up(OURS, at, "ValueError: the last")
    (note,) = await utility.nights.notes(OURS.night)
    assert note.error == "ValueError: the last"
    assert note.turn(at) is JobTurn.GAVE_UP


async def test_a_job_whose_workers_all_die_is_spent_and_what_they_took_again_is_no_try(
    utility: Utility,
) -> None:
    at = NOW
    for number in range(TRIES):
        worker = replace(OURS, worker=UUID(int=number + 1))
        for _ in range(2):
            assert await take(utility, worker, at) is JobTurn.OURS
        at += 5 * MINUTE
    assert await take(utility, THEIRS, at) is JobTurn.SPENT
    assert await utility.nights.give_up(THEIRS, at)
    (note,) = await utility.nights.notes(OURS.night)
    assert note.error == "Whoever did it was stopped each time."


async def test_what_is_at_work_is_not_done_again_and_what_is_known_can_be_read(
    utility: Utility,
) -> None:
    await take(utility, OURS)
    await utility.nights.again(OURS.night, OURS.name)
    earlier = replace(OURS, night=date(2026, 11, 19), name="other")
    await take(utility, earlier)
    await utility.nights.end(earlier, NOW + MINUTE, "3 bills")
    noted = await utility.nights.notes(earlier.night)
    assert noted == (
        NightNote(OURS.night, "count", OURS.worker, UNTIL, 1, NOW),
        NightNote(
            *(earlier.night, "other", OURS.worker, UNTIL, 1, NOW, NOW + MINUTE),
            outcome="3 bills",
        ),
    )
    assert [note.turn(NOW) for note in noted] == [JobTurn.OTHERS, JobTurn.DONE]
    assert await utility.nights.notes(OURS.night) == noted[:1]
    await utility.nights.again(earlier.night, earlier.name)
    assert await utility.nights.notes(earlier.night) == noted[:1]
