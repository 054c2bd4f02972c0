"""Every drawdown is of some money: against a bank that pays coin by coin."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from central.domain.billing.drawdown import BankedEntry, BankPart, Drawdown, drawdowns


@dataclass(frozen=True)
class Month:
    """What happens in a month; amounts in whole coins."""

    entries: tuple[int, ...]
    earned: int
    due: int
    pays_out: bool


MONTHS = st.lists(
    st.builds(
        Month,
        st.lists(st.integers(1, 9), max_size=3).map(tuple),
        st.sampled_from((0, 0, 3)),
        st.integers(0, 20),
        st.sampled_from((False, False, False, True)),
    ),
    min_size=1,
    max_size=8,
)
Coin = tuple[int, str]
Fate = Counter[tuple[int, str, str]]


def played(
    months: list[Month], lapses_after: int | None, brought: int
) -> tuple[list[BankPart], Fate]:
    """The parts that such months give, and what became of each coin in each of them."""
    coins: list[Coin] = [(-1, "0")] * brought
    fates: Fate = Counter()
    parts: list[BankPart] = []
    for number, month in enumerate(months):
        opened, spent = len(coins), Counter[str]()

        def spend(some: list[Coin], what: str, number: int = number) -> None:
            spent[what] += len(some)  # noqa: B023 - within the turn
            for coin in some:
                fates[number, coin[1], what] += 1

        if lapses_after:
            spend([coin for coin in coins if number - coin[0] >= lapses_after], "expired")
            coins = [coin for coin in coins if number - coin[0] < lapses_after]
        for place, amount in enumerate(month.entries):
            coins += [(number, f"{number}-{place}")] * amount
        coins += [(number, str(number))] * month.earned
        coins.sort(key=lambda coin: coin[0])
        spend(coins[: month.due], "applied")
        coins = coins[month.due :]
        if month.pays_out:
            spend(coins, "refunded")
            coins = []
        if lapses_after == 0:
            spend(coins, "expired")
            coins = []
        for coin in coins:
            fates[number, coin[1], "left"] += 1
        day = date(2026, 1 + number, 10)
        parts.append(
            BankPart(
                number,
                number - 1 if number else None,
                day.replace(day=1),
                tuple(
                    BankedEntry(f"{number}-{place}", day, Decimal(amount))
                    for place, amount in enumerate(month.entries)
                ),
                Decimal(opened),
                Decimal(month.earned),
                Decimal(spent["applied"]),
                Decimal(spent["refunded"]),
                Decimal(spent["expired"]),
            )
        )
    return parts, fates


def fates_of(found: list[Drawdown]) -> Fate:
    fates: Fate = Counter()
    for one in found:
        for what in ("applied", "refunded", "expired", "left"):
            amount = int(getattr(one, what))
            if amount:
                fates[one.part_id, one.source.name, what] += amount
    return fates


@given(MONTHS, st.sampled_from((None, 0, 1, 2, 3)), st.integers(0, 5))
def test_each_drawdown_is_of_the_money_that_a_bank_of_coins_pays(
    months: list[Month], lapses_after: int | None, brought: int
) -> None:
    parts, fates = played(months, lapses_after, brought if lapses_after != 0 else 0)
    found = drawdowns(parts)
    assert fates_of(found) == fates
    # Of each part they sum to what it says, and the money of each source is all there for ever.
    for part in parts:
        mine = [one for one in found if one.part_id == part.part_id]
        assert sum(one.applied for one in mine) == part.applied
        assert sum(one.refunded for one in mine) == part.refunded
        assert sum(one.expired for one in mine) == part.expired
    last = len(parts) - 1
    for part in parts:
        for entry in part.entries:
            of_entry = [one for one in found if one.source.name == entry.key]
            gone = sum(one.applied + one.refunded + one.expired for one in of_entry)
            assert gone + sum(one.left for one in of_entry if one.part_id == last) == entry.amount
