"""A bounded queue in which senders take turns, so that who sends much waits for itself alone."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Items of many senders; each sender's leave in the order in which they came.

    Where there is no room, the sender with the most gives way: what it sends, or what it sent last,
    is discarded and counted by its name.

    Args:
        most: Weight of all that may wait.
        share: Weight that one sender may have in it; one item, it may have whatever its weight.
    """

    def __init__(self, most: int, share: int) -> None:
        self._most, self._share = most, share
        self._waiting: OrderedDict[str, deque[tuple[T, int]]] = OrderedDict()
        self._weights: Counter[str] = Counter()
        self._count = 0
        self.weight = 0
        self.discarded: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._count

    def offer(self, sender: str, item: T, weight: int) -> bool:
        """Take an item, or discard it; whether it was taken."""
        mine = self._weights.get(sender, 0)
        if mine and mine + weight > self._share:
            self.discarded[sender] += 1
            return False
        while self.weight + weight > self._most:
            heaviest = max(self._weights, key=self._weights.__getitem__, default=sender)
            if self._weights.get(heaviest, 0) <= mine + weight:
                self.discarded[sender] += 1
                return False
            self._drop_last(heaviest)
        self._waiting.setdefault(sender, deque()).append((item, weight))
        self._add(sender, weight, 1)
        return True

    def take(self) -> T:
        """The next item of the sender whose turn it is.

        Raises:
            KeyError: Nothing waits.
        """
        sender, items = self._waiting.popitem(last=False)
        item, weight = items.popleft()
        if items:
            self._waiting[sender] = items
        self._add(sender, -weight, -1)
        return item

    def _drop_last(self, sender: str) -> None:
        items = self._waiting[sender]
        _, weight = items.pop()
        if not items:
            del self._waiting[sender]
        self._add(sender, -weight, -1)
        self.discarded[sender] += 1

    def _add(self, sender: str, weight: int, items: int) -> None:
        self.weight += weight
        self._count += items
        self._weights[sender] += weight
        if sender not in self._waiting:
            del self._weights[sender]
