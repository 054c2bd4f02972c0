"""What several send at the same moment is taken in together, and answered apart."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from central.domain.actor import Actor
from central.domain.usage.usage_event import EventKey
from central.service.ports.ingest import StoreUnavailableError
from central.service.ports.usage_events import EventFate
from central.service.usage.gather_events import AT_WORK_MAX, GatherEvents
from central.service.usage.take_events import EventResult, Given
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import person
from tests.support.usage import event


class Slow:
    """Takes events in once it is let go; `bad` fails what holds it."""

    def __init__(self, bad: str = "") -> None:
        self.batches: list[list[str]] = []
        self.go = asyncio.Event()
        self._bad = bad

    async def take(self, given: Sequence[Given], actor: Actor) -> list[EventResult]:
        keys = [each.key for each in given if not isinstance(each, Exception)]
        self.batches.append([f"{actor.id}:{key.id}" for key in keys])
        await self.go.wait()
        if any(key.id == self._bad for key in keys):
            message = "The database does not answer."
            raise StoreUnavailableError(message)
        return [EventResult(EventFate.STORED, key) for key in keys]


async def ask(slow: Slow, *sent: tuple[str, str]) -> list[list[EventResult] | BaseException]:
    gathered = GatherEvents(slow)  # type: ignore[arg-type]
    tasks = [
        asyncio.create_task(
            gathered.take([event(name, "2026-10-01T00:00:00Z") for name in names], person(who))
        )
        for who, names in sent
    ]
    await asyncio.sleep(0.01)
    slow.go.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def names(results: list[EventResult] | BaseException) -> str:
    assert isinstance(results, list)
    return "".join(result.key.id for result in results if isinstance(result.key, EventKey))


async def test_who_waits_is_taken_in_with_the_others_of_the_same_actor() -> None:
    slow = Slow()
    sent = (("ann", "a"), ("ann", "b"), ("ann", "cd"), ("bob", "e"), ("ann", "f"))
    answers = await ask(slow, *sent)
    assert [names(answer) for answer in answers] == [each for _, each in sent]
    assert AT_WORK_MAX == 2
    assert sorted(map(len, slow.batches)) == [1, 1, 4] or sum(map(len, slow.batches)) == 6
    assert all(len({name.partition(":")[0] for name in batch}) == 1 for batch in slow.batches)
    assert len(slow.batches) < len(sent)


async def test_one_that_fails_fails_no_other() -> None:
    answers = await ask(Slow(bad="c"), *(("ann", name) for name in "abcde"))
    assert [isinstance(answer, StoreUnavailableError) for answer in answers] == [
        *(False, False, True, False, False),
    ]


async def test_what_cannot_be_read_is_passed_on() -> None:
    refused = InvalidValueError("It is not JSON.")

    class Refusing(Slow):
        async def take(self, given: Sequence[Given], actor: Actor) -> list[EventResult]:
            assert actor == person("ann")
            return [EventResult(None, None, each) for each in given if each is refused]

    (result,) = await GatherEvents(Refusing()).take([refused], person("ann"))  # type: ignore[arg-type]
    assert result.error is refused


async def test_who_is_alone_is_answered_with_what_failed() -> None:
    slow = Slow(bad="x")
    slow.go.set()
    alone = GatherEvents(slow)  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailableError):
        await alone.take([event("x", "2026-10-01T00:00:00Z")], person("ann"))
