"""Which money paid what: each drawdown of a bank, from the bill to the entry and back. Pure.

A bank knows amounts, not coins. Which of them a bill drew follows from the order in which banks are
drawn, and from what each part of a bill says that it did. So nothing is kept of it, and nothing can
contradict the bills.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import accumulate, groupby
from typing import NamedTuple

from central.domain.rating.inputs.carried_state import Credit
from central.domain.rating.inputs.expiry import NEVER, lapses_on

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
        expires: Local day from which it pays no bill that begins then or later; `NEVER` where the
            bank says it.
    """

    key: str
    day: date
    amount: Decimal
    expires: date = NEVER


@dataclass(frozen=True, slots=True)
class BankPart:
    """What a part of a bill did to one bank of money; amounts in the bill's currency.

    Args:
        part_id: Its key.
        before: Key of the part that it opened from; None for the first.
        month: First day of the bill's month.
        begins: First day of the bill.
        entries: What it put in, by day, and of a day in the order in which it was posted.
        opened: What it opened with.
        earned: What export earned.
        applied: What was drawn.
        refunded: What was paid out.
        expired: What lapsed.
        lapse_months: After which what has no day of its own lapses; None for never.
        brought: What another billing system left in the bank, where the part is the first.
    """

    part_id: int
    before: int | None
    month: date
    begins: date
    entries: tuple[BankedEntry, ...]
    opened: Decimal
    earned: Decimal
    applied: Decimal
    refunded: Decimal
    expired: Decimal
    lapse_months: int | None = None
    brought: tuple[Credit, ...] = ()


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
    expires: date = NEVER


def _is_undated(coins: _Coins) -> bool:
    return coins.expires == NEVER


def _any(_coins: _Coins) -> bool:
    return True


@dataclass(slots=True)
class _Bank:
    """A bank over one part."""

    part_id: int
    coins: list[_Coins]
    lapse_months: int | None
    drawdowns: dict[MoneySource, Drawdown] = field(default_factory=dict)

    def of(self, source: MoneySource) -> Drawdown:
        return self.drawdowns.setdefault(source, Drawdown(self.part_id, source))

    def put(self, source: MoneySource, month: date, amount: Decimal, expires: date = NEVER) -> None:
        if amount > 0:
            self.coins.append(_Coins(source, month, amount, expires))

    def take(self, wanted: Decimal, what: str, among: Callable[[_Coins], bool] = _any) -> None:
        """Take what lapses first, of that the earliest month, and of those what came first."""
        for coins in sorted(filter(among, self.coins), key=self._order):
            taken = min(coins.amount, wanted)
            if taken <= 0:
                continue
            wanted -= taken
            coins.amount -= taken
            if what:
                drawdown = self.of(coins.source)
                setattr(drawdown, what, getattr(drawdown, what) + taken)

    def lapse(self, on: date) -> Decimal:
        """Take out what has a day of its own on which it lapses, by a day; gives how much."""
        lapsed = [coins for coins in self.coins if coins.expires <= on]
        total = sum((coins.amount for coins in lapsed), _NOTHING)
        self.take(total, "expired", lambda coins: coins.expires <= on)
        return total

    def _order(self, coins: _Coins) -> tuple[date, date]:
        # What was there before the first bill is of no month, and counts as the oldest.
        return lapses_on(coins.month, coins.expires, self.lapse_months), coins.month

    def close(self) -> list[_Coins]:
        left = [coins for coins in self.coins if coins.amount]
        for coins in left:
            self.of(coins.source).left += coins.amount
        return left


def drawdowns(parts: Iterable[BankPart]) -> list[Drawdown]:
    """What became of each money in each part.

    Banks are drawn by the day on which money lapses, its own or that of the bank's months, and then
    by the month in which it counts; of one month by what was there before, then entries by their
    day, of one day as they were posted, then what export earned.

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
        oldest_sums = set(_oldest_sums(filter(_is_undated, bank.coins)))
        for entry in moved.entries:
            source = MoneySource(MoneyOrigin.ENTRY, entry.key)
            bank.put(source, entry.day.replace(day=1), entry.amount, entry.expires)
        rest = moved.expired - bank.lapse(moved.begins)
        lapsed_first = rest in oldest_sums
        if lapsed_first:
            bank.take(rest, "expired", _is_undated)
        bank.put(MoneySource(MoneyOrigin.EARNED, str(moved.part_id)), moved.month, moved.earned)
        bank.take(moved.applied, "applied")
        bank.take(moved.refunded, "refunded")
        if not lapsed_first:
            bank.take(rest, "expired")
        left[moved.part_id] = bank.close()
        traced += bank.drawdowns.values()
    return traced


def _opened(moved: BankPart, before: Sequence[_Coins]) -> _Bank:
    """The bank with what the part before left, and what else the part opened with."""
    bank = _Bank(moved.part_id, [replace(coins) for coins in before], moved.lapse_months)
    more = moved.opened - sum((coins.amount for coins in bank.coins), _NOTHING)
    if more > 0:
        source = MoneySource(MoneyOrigin.BROUGHT_OVER, str(moved.part_id))
        bank.coins[:0] = _brought_over(source, more, moved.brought)
    # What a settlement in between took is in no bill.
    bank.take(-more, "")
    return bank


def _brought_over(
    source: MoneySource, amount: Decimal, credits_before: Sequence[Credit]
) -> Iterator[_Coins]:
    """What was there before the first bill, each by its month and day; the oldest of an unknown."""
    rest = amount
    for credit in credits_before:
        fitting = min(Decimal(credit.amount.numerator) / credit.amount.denominator, rest)
        if fitting:
            yield _Coins(source, credit.earned, fitting, credit.expires)
        rest -= fitting
    if rest:
        yield _Coins(source, date.min, rest)


def _oldest_sums(coins: Iterable[_Coins]) -> Iterable[Decimal]:
    """What lapses with the earliest month, the earliest two, and so on."""
    ordered = sorted(coins, key=lambda coins: coins.month)
    months = groupby(ordered, key=lambda coins: coins.month)
    return accumulate(sum((coins.amount for coins in some), _NOTHING) for _, some in months)
