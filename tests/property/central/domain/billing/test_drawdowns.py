"""Every drawdown is of some money: against a bank that pays coin by coin."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from central.domain.billing.drawdown import BankedEntry, BankPart, Drawdown, drawdowns
from central.domain.rating.inputs.carried_state import Credit
from central.domain.rating.inputs.expiry import NEVER
from central.domain.rating.inputs.segments import months_after


@dataclass(frozen=True)
class Month:
    """What happens in a month; amounts in whole coins, and months until an entry's own expiry."""

    entries: tuple[tuple[int, int | None], ...]
    earned: int
    due: int
    pays_out: bool


MONTHS = st.lists(
    st.builds(
        Month,
        st.lists(
            st.tuples(st.integers(1, 9), st.sampled_from((None, None, 0, 1, 2, 4))), max_size=3
        ).map(tuple),
        st.sampled_from((0, 0, 3)),
        st.integers(0, 20),
        st.sampled_from((False, False, False, True)),
    ),
    min_size=1,
    max_size=8,
)
BROUGHT = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 5), st.sampled_from((None, None, 0, 1, 3))),
    max_size=3,
)
"""What was there before: how many months before, of how much, and until when it pays."""
Coin = tuple[int, str, int | None]
NO_MONTH = 1_000
Fate = Counter[tuple[int, str, str]]


def played(
    months: list[Month], lapses_after: int | None, brought: list[tuple[int, int, int | None]]
) -> tuple[list[BankPart], Fate]:
    """The parts that such months give, and what became of each coin in each of them."""
    coins = coins_before(brought)
    fates: Fate = Counter()
    parts: list[BankPart] = []
    for number, month in enumerate(months):
        opened, spent = len(coins), Counter[str]()

        def spend(some: list[Coin], what: str, number: int = number) -> None:
            spent[what] += len(some)  # noqa: B023 - within the turn
            for coin in some:
                fates[number, coin[1], what] += 1

        def lapses(coin: Coin) -> int:
            if coin[2] is not None:
                return coin[2]
            return NO_MONTH if lapses_after is None else coin[0] + lapses_after

        too_old = [coin for coin in coins if lapses(coin) <= number and (lapses_after or coin[2])]
        spend(too_old, "expired")
        coins = [coin for coin in coins if coin not in too_old]
        for place, (amount, lasts) in enumerate(month.entries):
            expires = None if lasts is None else number + lasts + 1
            coins += [(number, f"{number}-{place}", expires)] * amount
        coins += [(number, str(number), None)] * month.earned
        # In the middle of the month before comes before the first of this.
        coins.sort(key=lambda coin: (lapses(coin), coin[2] is None, coin[0]))
        spend(coins[: month.due], "applied")
        coins = coins[month.due :]
        if month.pays_out:
            spend(coins, "refunded")
            coins = []
        if lapses_after == 0:
            spend([coin for coin in coins if coin[2] is None], "expired")
            coins = [coin for coin in coins if coin[2] is not None]
        for coin in coins:
            fates[number, coin[1], "left"] += 1
        day = date(2026, 1 + number, 10)
        parts.append(
            BankPart(
                number,
                number - 1 if number else None,
                day.replace(day=1),
                day.replace(day=1),
                tuple(
                    BankedEntry(f"{number}-{place}", day, Decimal(amount), expiry(day, months))
                    for place, (amount, months) in enumerate(month.entries)
                ),
                Decimal(opened),
                Decimal(month.earned),
                Decimal(spent["applied"]),
                Decimal(spent["refunded"]),
                Decimal(spent["expired"]),
                lapses_after,
                brought=() if number else left_before(brought),
            )
        )
    return parts, fates


def coins_before(brought: list[tuple[int, int, int | None]]) -> list[Coin]:
    """What was there before, coin by coin."""
    coins: list[Coin] = []
    for age, amount, lasts in brought:
        coins += [(-age, "0", None if lasts is None else lasts + 1)] * amount
    return coins


def left_before(brought: list[tuple[int, int, int | None]]) -> tuple[Credit, ...]:
    """What was there before, as an opening has it."""
    begins = date(2026, 1, 1)
    return tuple(
        Credit("", "", months_after(begins, -age), Fraction(amount), expires=expiry(begins, lasts))
        for age, amount, lasts in brought
    )


def expiry(day: date, months: int | None) -> date:
    """In the middle of a month, so that the bill of the next is the first that it does not pay."""
    return NEVER if months is None else months_after(day, months).replace(day=20)


def fates_of(found: list[Drawdown]) -> Fate:
    fates: Fate = Counter()
    for one in found:
        for what in ("applied", "refunded", "expired", "left"):
            amount = int(getattr(one, what))
            if amount:
                fates[one.part_id, one.source.name, what] += amount
    return fates


@given(MONTHS, st.sampled_from((None, 0, 1, 2, 3)), BROUGHT)
def test_each_drawdown_is_of_the_money_that_a_bank_of_coins_pays(
    months: list[Month], lapses_after: int | None, brought: list[tuple[int, int, int | None]]
) -> None:
    parts, fates = played(months, lapses_after, brought)
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
