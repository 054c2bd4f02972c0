"""Commit a window whatever single messages do to it.

| what the store or the code says | what follows |
|---|---|
| unavailable, unfit | raised: it is nobody's message |
| the data is refused (poison), a quota is full | halved until one stands alone, which is to blame |
| anything else | the same, but who stands alone is tried a few times more, behind all others |

Halving costs the others no pause, so one message delays none of them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from central.service.ingest.classify import Examined
from central.service.ingest.outcome import Result
from central.service.ports.faults import StoreUnfitError
from central.service.ports.gateway_quota import QuotaExceededError
from central.service.ports.ingest import PoisonError, StoreUnavailableError
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.contract.plain_text import plain

UNEXPECTED = "UNEXPECTED"
TRIES = 3
PAUSE_S = 0.1
_CERTAIN = (PoisonError, QuotaExceededError)
NOBODYS = (StoreUnavailableError, StoreUnfitError)
_MESSAGE_MAX = 500

Part = Sequence[Examined]
Rest = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Blamed:
    """A message that fails alone.

    Args:
        item: The message.
        code: `POISON_<SQLSTATE>`, that of the quota, or `UNEXPECTED`.
        message: What was said, for people.
        error: What was raised.
    """

    item: Examined
    code: str
    message: str
    error: Exception


def blame(item: Examined, error: Exception) -> Blamed:
    """Name what a message did."""
    if isinstance(error, PoisonError):
        return Blamed(item, f"POISON_{error.value}", plain(error.message, _MESSAGE_MAX), error)
    if isinstance(error, QuotaExceededError):
        return Blamed(item, error.code, error.message, error)
    said = (
        error.message if isinstance(error, MeterlineError) else f"{type(error).__name__}: {error}"
    )
    return Blamed(item, UNEXPECTED, plain(said, _MESSAGE_MAX), error)


async def isolate(
    parts: Sequence[Part],
    commit: Callable[[Part], Awaitable[Result]],
    rest: Rest = asyncio.sleep,
    behind: list[Examined] | None = None,
) -> AsyncIterator[Result | Blamed]:
    """Commit parts of a window, each as a whole where that goes.

    Args:
        parts: What to commit in one go each, in order.
        commit: Commits all of a part or nothing.
        rest: Waits. [s]
        behind: Where it is given, takes what should be tried apart from all others, instead of
            its being tried here: what failed alone and may go through, and everything else of a
            gateway of which a message failed alone.

    Yields:
        What became of each piece, once it is committed; and each message that cannot be.

    Raises:
        StoreUnavailableError: What was not yielded is not committed.
        StoreUnfitError: Likewise.
    """
    waiting = [part for part in reversed(parts) if part]
    doubtful: list[Examined] = []
    while waiting:
        part = waiting.pop()
        try:
            result = await commit(part)
        except NOBODYS:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one message does, others go on
            if len(part) > 1:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
            else:
                if behind is not None:
                    waiting = _without(part[0].arrival.gateway, waiting, behind)
                if isinstance(error, _CERTAIN):
                    yield blame(part[0], error)
                else:
                    doubtful.append(part[0])
        else:
            yield result
    if behind is not None:
        behind += doubtful
        return
    async for end in _again(doubtful, commit, rest):
        yield end


def _without(gateway: str, waiting: Sequence[Part], behind: list[Examined]) -> list[Part]:
    """What waits, less what one gateway sent, which goes behind all others."""
    for part in reversed(waiting):
        behind += [item for item in part if item.arrival.gateway == gateway]
    parts = [[item for item in part if item.arrival.gateway != gateway] for part in waiting]
    return [part for part in parts if part]


async def _again(
    doubtful: Sequence[Examined], commit: Callable[[Part], Awaitable[Result]], rest: Rest
) -> AsyncIterator[Result | Blamed]:
    """Try messages a few times more, all of them after each pause; what still fails is to blame."""
    for last in (False,) * (TRIES - 2) + (True,):
        if not doubtful:
            return
        await rest(random.uniform(PAUSE_S / 2, PAUSE_S))  # noqa: S311 - jitter, no secret
        failed = []
        for item in doubtful:
            try:
                result = await commit([item])
            except NOBODYS:
                raise
            except Exception as error:  # noqa: BLE001 - likewise
                if last or isinstance(error, _CERTAIN):
                    yield blame(item, error)
                else:
                    failed.append(item)
            else:
                yield result
        doubtful = failed
