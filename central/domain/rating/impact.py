"""How many accounts win and lose how much: a histogram of what they would pay more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from central.domain.rating.pilot import PilotRow

_BINS_MOST = 12
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class AccountImpact:
    """An account under both tariffs, with all of its agreements.

    Args:
        account: Number.
        currency: ISO 4217 letters.
        before: Under the tariffs agreed. [currency]
        after: Under the tariff that is tried. [currency]
    """

    account: str
    currency: str
    before: Decimal
    after: Decimal

    @property
    def difference(self) -> Decimal:
        """What it would pay more. [currency]."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class ImpactBin:
    """Accounts that would pay so much more.

    Args:
        low: They pay at least this much more; below zero, less. [currency]
        high: They pay less than this more. [currency]
        accounts: How many.
    """

    low: Decimal
    high: Decimal
    accounts: int


def accounts_of(rows: Iterable[PilotRow]) -> list[AccountImpact]:
    """Accounts by number and currency; one of which an agreement was not rated is left out."""
    rated = list(rows)
    held = {row.account for row in rated if row.held}
    sums: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for row in rated:
        if row.account not in held:
            before, after = sums.get((row.account, row.currency), (_NOTHING, _NOTHING))
            sums[row.account, row.currency] = before + row.before, after + row.after
    return [AccountImpact(*key, *sums[key]) for key in sorted(sums)]


def histogram_of(impacts: Sequence[AccountImpact]) -> list[ImpactBin]:
    """Bins of one width (1, 2 or 5 times a power of ten), of which one begins at zero.

    Args:
        impacts: In one currency.
    """
    differences = [impact.difference for impact in impacts]
    if not differences:
        return []
    low, high = min(differences), max(differences)
    width = next(
        each for each in _widths(impacts) if _number(high, each) - _number(low, each) < _BINS_MOST
    )
    counts: dict[int, int] = {}
    for difference in differences:
        number = _number(difference, width)
        counts[number] = counts.get(number, 0) + 1
    return [
        ImpactBin(number * width, (number + 1) * width, counts.get(number, 0))
        for number in range(_number(low, width), _number(high, width) + 1)
    ]


def _widths(impacts: Sequence[AccountImpact]) -> Iterator[Decimal]:
    """Ascending, from the smallest amount that the currency is charged in."""
    exponents = (impact.difference.as_tuple().exponent for impact in impacts)
    finest = min(exponent for exponent in exponents if isinstance(exponent, int))
    while True:
        for digit in (1, 2, 5):
            yield Decimal(digit).scaleb(finest)
        finest += 1


def _number(difference: Decimal, width: Decimal) -> int:
    number, left = divmod(difference, width)
    return int(number) - (left < 0)
