"""Whose turn it is of several brokers, and what is wrong with each.

That a broker takes a connection proves little: a proxy in front of one that is gone does so, too. A
connection is good once the centre has acknowledged something over it, or once it has stood for a
minute with nothing to send. Lost twice in a row without that, it is the next broker's turn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from edge_agent.config.broker import Broker
from edge_agent.errors import BrokerLostError, CentreSilentError
from firmware_bridge.contract.errors import MeterlineError

BACKOFF_S: Final = 1.0
BACKOFF_MAX_S: Final = 60.0
STOOD_S: Final = 60.0
"""A connection with nothing to send is good after so long. [s]"""
LOST_AFTER: Final = 2
# That a connection stands disproves every other failure.
_UNTIL_GOOD: Final = frozenset({BrokerLostError.code, CentreSilentError.code})
_MOST_DOUBLINGS: Final = 10


class BrokerTurns:
    """Brokers in the order in which they are tried.

    Args:
        brokers: At least one.

    Attributes:
        failure: Code of why nothing gets through; None where it does, or did until now.
        is_good: Whether the connection that stands, or stood last, is good.
        is_answered: Whether the centre said anything over it.
    """

    def __init__(self, brokers: Sequence[Broker]) -> None:
        self.failure: str | None = None
        self.is_good = self.is_answered = False
        self._reported: defaultdict[Broker, set[str]] = defaultdict(set)
        self._connected_at: float | None = None
        self._misnamed = False
        self._released = 0
        self.use(brokers)

    def use(self, brokers: Sequence[Broker]) -> None:
        """Begin anew with other brokers."""
        self._brokers = tuple(brokers)
        self._index = 0
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget the attempts so far, and stay with the broker."""
        self._attempts = self._losses = 0

    @property
    def broker(self) -> Broker:
        """The one that is used or tried."""
        return self._brokers[self._index]

    @property
    def are_several(self) -> bool:
        """Whether there is another one to try."""
        return len(self._brokers) > 1

    @property
    def longest_pause_s(self) -> float:
        """Seconds to wait at most before the next attempt; grows by round."""
        rounds = -(-self._attempts // len(self._brokers))
        return min(BACKOFF_S * 2.0 ** min(rounds, _MOST_DOUBLINGS), BACKOFF_MAX_S)

    def begin_attempt(self) -> None:
        """No connection stands."""
        self._connected_at = None
        self._misnamed = self.is_good = self.is_answered = False

    def connected(self, now: float, released: int, *, misnamed: bool) -> None:
        """The broker took the connection.

        Args:
            now: Monotonic time. [s]
            released: How often the centre acknowledged batches until now.
            misnamed: Whether the certificate is of another name, which a connection leaves open.
        """
        self._connected_at, self._released, self._misnamed = now, released, misnamed
        if misnamed:
            return
        if BrokerLostError.code not in self._reported[self.broker]:
            self._reported[self.broker] &= _UNTIL_GOOD
        if self.failure not in _UNTIL_GOOD:
            self.failure = None

    def lasted_s(self, now: float) -> float | None:
        """Seconds since the connection was taken; None where none was."""
        return None if self._connected_at is None else now - self._connected_at

    def good_at(self, backlog: int) -> float | None:
        """When the connection is good by standing, in monotonic seconds; None where it is not so.

        Args:
            backlog: Batches that are not acknowledged.
        """
        if self._connected_at is None or self.is_good or backlog:
            return None
        return self._connected_at + STOOD_S

    def judge(self, now: float, released: int, backlog: int) -> None:
        """Say whether the connection has become good by now; arguments as above."""
        if self._connected_at is None or self.is_good:
            return
        good_at = self.good_at(backlog)
        if released == self._released and (good_at is None or now < good_at):
            return
        self.is_good = True
        self.begin_anew()
        if not self._misnamed:
            self._reported.pop(self.broker, None)
            self.failure = None

    def lost(self) -> BrokerLostError | None:
        """A connection ended that was not good; why that makes the broker unusable, if it does."""
        self._losses += 1
        if self._losses < LOST_AFTER:
            return None
        message = (
            f"The broker {self.broker} ended {LOST_AFTER} connections in a row before the centre"
            " acknowledged anything."
        )
        return BrokerLostError(message, value=str(self.broker))

    def unusable(self, *, admitted: bool) -> None:
        """The broker cannot be used: it is the next one's turn.

        Args:
            admitted: Whether it took the connection. The only broker over which the centre answered
                is then tried again at once: who throws us off again and again may be a twin, whose
                pauses grow by themselves.
        """
        self._losses = 0
        if self.are_several or not admitted or not self.is_answered:
            self._attempts += 1
        self._index = (self._index + 1) % len(self._brokers)

    def fails(self, error: MeterlineError) -> bool:
        """Note why nothing gets through; whether that is new there since it was last good.

        Two reasons may alternate, such as a certificate of another name and a connection that ends.
        """
        self.failure = error.code
        is_new = error.code not in self._reported[self.broker]
        self._reported[self.broker].add(error.code)
        return is_new
