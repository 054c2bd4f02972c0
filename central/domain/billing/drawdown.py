"""Which money paid what: each drawdown of a bank, from the bill to the entry and back. Pure.

A bank knows amounts, not coins. Which of them a bill drew follows from the order in which banks are
drawn, and from what each part of a bill says that it did. So nothing is kept of it, and nothing can
contradict the bills.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import accumulate, groupby
from typing import NamedTuple

_NOTHING = Decimal(0)


class MoneyOrigin(StrEnum):
    """Where money in a bank comes from."""

    ENTRY = "entry"
    """A pay-in or grant of the ledger."""
    EARNED = "earned"
    """What export earned."""
    BROUGHT_OVER = "brought_over"
    """What another billing system left, or a settlement before."""


class MoneySource(NamedTuple):
    """Some money in a bank.

    Args:
        origin: Where it comes from.
        name: Key of the entry; else the key of the part that earned it or opened with it.
    """

    origin: MoneyOrigin
    name: str


class BankedEntry(NamedTuple):
    """An entry that a part put into its bank.

    Args:
        key: Of the entry.
        day: From which it counts in the bank.
        amount: Of it. [currency]
    """

    key: str
    day: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class BankPart:
    """What a part of a bill did to one bank of money; amounts in the bill's currency.

    Args:
        part_id: Its key.
        before: Key of the part that it opened from; None for the first.
        month: First day of the bill's month.
        entries: What it put in, by day, and of a day in the order in which it was posted.
        opened: What it opened with.
        earned: What export earned.
        applied: What was drawn.
        refunded: What was paid out.
        expired: What lapsed.
    """

    part_id: int
    before: int | None
    month: date
    entries: tuple[BankedEntry, ...]
    opened: Decimal
    earned: Decimal
    applied: Decimal
    refunded: Decimal
    expired: Decimal


@dataclass(slots=True)
class Drawdown:
    """What became of some money in a part of a bill.

    Args:
        part_id: Key of the part.
        source: Which money.
        applied: What of it paid.
        refunded: What of it was paid out.
        expired: What of it lapsed.
        left: What of it the next part opens with.
    """

    part_id: int
    source: MoneySource
    applied: Decimal = _NOTHING
    refunded: Decimal = _NOTHING
    expired: Decimal = _NOTHING
    left: Decimal = _NOTHING


@dataclass(slots=True)
class _Coins:
    """Money of one source that is not drawn yet."""

    source: MoneySource
    month: date
    amount: Decimal


@dataclass(slots=True)
class _Bank:
    """A bank over one part."""

    part_id: int
    coins: list[_Coins]
    drawdowns: dict[MoneySource, Drawdown] = field(default_factory=dict)

    def of(self, source: MoneySource) -> Drawdown:
        return self.drawdowns.setdefault(source, Drawdown(self.part_id, source))

    def put(self, source: MoneySource, month: date, amount: Decimal) -> None:
        if amount > 0:
            self.coins.append(_Coins(source, month, amount))

    def take(self, wanted: Decimal, what: str) -> None:
        """Take the oldest: those of the earliest month, and of those what came first."""
        for coins in sorted(self.coins, key=lambda coins: coins.month):
            taken = min(coins.amount, wanted)
            if taken <= 0:
                continue
            wanted -= taken
            coins.amount -= taken
            if what:
                drawdown = self.of(coins.source)
                setattr(drawdown, what, getattr(drawdown, what) + taken)

    def close(self) -> list[_Coins]:
        left = [coins for coins in self.coins if coins.amount]
        for coins in left:
            self.of(coins.source).left += coins.amount
        return left


def drawdowns(parts: Iterable[BankPart]) -> list[Drawdown]:
    """What became of each money in each part.

    All money of a bank lapses after the same number of months, so the oldest is what lapses first:
    banks are drawn by the month in which money counts; of one month by what was there before, then
    entries by their day, of one day as they were posted, then what export earned.

    Args:
        parts: Of one bank; each behind the part that it opened from.

    Returns:
        By part, in their order. Of each part they sum to what it applied, refunded and expired, and
        to what it left.
    """
    left: dict[int, list[_Coins]] = {}
    traced: list[Drawdown] = []
    for moved in parts:
        opened = left.get(moved.before, []) if moved.before is not None else []
        bank = _opened(moved, opened)
        lapsed_first = moved.expired in set(_oldest_sums(bank.coins))
        if lapsed_first:
            bank.take(moved.expired, "expired")
        for entry in moved.entries:
            source = MoneySource(MoneyOrigin.ENTRY, entry.key)
            bank.put(source, entry.day.replace(day=1), entry.amount)
        bank.put(MoneySource(MoneyOrigin.EARNED, str(moved.part_id)), moved.month, moved.earned)
        bank.take(moved.applied, "applied")
        bank.take(moved.refunded, "refunded")
        if not lapsed_first:
            bank.take(moved.expired, "expired")
        left[moved.part_id] = bank.close()
        traced += bank.drawdowns.values()
    return traced


def _opened(moved: BankPart, before: Sequence[_Coins]) -> _Bank:
    """The bank with what the part before left, and what else the part opened with."""
    bank = _Bank(moved.part_id, [replace(coins) for coins in before])
    more = moved.opened - sum((coins.amount for coins in bank.coins), _NOTHING)
    if more > 0:
        source = MoneySource(MoneyOrigin.BROUGHT_OVER, str(moved.part_id))
        bank.coins.insert(0, _Coins(source, date.min, more))
    # What a settlement in between took is in no bill.
    bank.take(-more, "")
    return bank


def _oldest_sums(coins: Sequence[_Coins]) -> Iterable[Decimal]:
    """What lapses with the earliest month, the earliest two, and so on."""
    ordered = sorted(coins, key=lambda coins: coins.month)
    months = groupby(ordered, key=lambda coins: coins.month)
    return accumulate(sum((coins.amount for coins in some), _NOTHING) for _, some in months)
