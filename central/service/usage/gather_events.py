"""Take in together what several senders send at the same moment: one commit serves them all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from central.domain.actor import Actor
from central.service.usage.take_events import BATCH, EventResult, Given, UsageEvents

AT_WORK_MAX = 2
"""How many transactions are under way: while one commits, the next is made ready."""


@dataclass(slots=True)
class _Sent:
    """What one request sent, and what became of it."""

    given: Sequence[Given]
    actor: Actor
    done: asyncio.Future[list[EventResult]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class GatherEvents:
    """The use-case. Whoever sends while others are at work is taken in with those who wait too.

    What one request sends is kept together, as without it. Those of one actor share a transaction;
    what fails together is tried again one by one, so that no request fails by another's.

    Args:
        events: Takes events in.
    """

    def __init__(self, events: UsageEvents) -> None:
        self._events = events
        self._waiting: list[_Sent] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, given: Sequence[Given], actor: Actor) -> list[EventResult]:
        """Take events in that were sent together.

        Args:
            given: In the order in which they were sent.
            actor: Who sends them.

        Raises:
            StoreUnavailableError: Send them again; what is kept is known.
        """
        sent = _Sent(given, actor)
        self._waiting.append(sent)
        if len(self._tasks) < AT_WORK_MAX:
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await sent.done

    async def _work(self) -> None:
        while self._waiting:
            together = self._next()
            try:
                await self._take(together)
            except Exception as error:  # noqa: BLE001 - whoever sent it is answered with it
                if len(together) == 1:
                    _fail(together[0], error)
                else:
                    await self._one_by_one(together)

    def _next(self) -> list[_Sent]:
        """The first that waits, and those of the same actor that fit into its batch."""
        first = self._waiting[0]
        together: list[_Sent] = []
        left: list[_Sent] = []
        size = 0
        for sent in self._waiting:
            fits = sent.actor == first.actor and size + len(sent.given) <= BATCH
            if sent is first or fits:
                together.append(sent)
                size += len(sent.given)
            else:
                left.append(sent)
        self._waiting = left
        return together

    async def _one_by_one(self, together: Sequence[_Sent]) -> None:
        for sent in together:
            try:
                await self._take([sent])
            except Exception as error:  # noqa: BLE001 - whoever sent it is answered with it
                _fail(sent, error)

    async def _take(self, together: Sequence[_Sent]) -> None:
        every = [event for sent in together for event in sent.given]
        results = await self._events.take(every, together[0].actor)
        first = 0
        for sent in together:
            end = first + len(sent.given)
            if not sent.done.done():  # its sender may have gone
                sent.done.set_result(results[first:end])
            first = end


def _fail(sent: _Sent, error: Exception) -> None:
    if not sent.done.done():
        sent.done.set_exception(error)
