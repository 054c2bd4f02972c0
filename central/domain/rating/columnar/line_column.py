"""One line of many bills, as a column."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from central.domain.rating.bill_lines.line import Determinant, RatedLine
from central.domain.rating.charges.draft import Draft
from central.domain.rating.columnar.exact_column import Column, Ints, Mask, times


@dataclass(frozen=True, slots=True, eq=False)
class LineColumn:
    """One line of every meter that has it.

    Args:
        id: Of the charge.
        key: Unique in the bill.
        kind: As `RatedLine` has it.
        name: As printed.
        draft: What all of them share: days, segment, unit, price, label, tier, note.
        quantity: None where a line has only an amount.
        exact: Before rounding. [currency]
        amount: In units of 10 ** -digits.
        digits: Decimals of the amount.
        decimals: Decimals that the quantity is printed with at least.
        price: Per unit, as printed; None where there is none.
        sha256: Of the tariff version.
        present: Which meters have it, None for all.
        determinants: Numbers of the determinants behind it.
        of: Numbers of the lines that it rests on, where a meter has them.
    """

    id: str
    key: str
    kind: str
    name: str
    draft: Draft
    quantity: Column | None
    exact: Column
    amount: Ints
    digits: int
    decimals: int
    price: Decimal | None
    sha256: str
    present: Mask | None = None
    determinants: tuple[int, ...] = ()
    of: tuple[int, ...] = ()

    @property
    def alike(self) -> bool:
        """Whether every meter has this line, and with the same numbers."""
        varies = self.determinants or self.of or self.present is not None
        quantity = self.quantity is None or self.quantity.alike
        return not varies and self.exact.alike and quantity

    def model(self, determinants: tuple[Determinant, ...], of: tuple[str, ...]) -> RatedLine:
        """A line with all that meters share, and nobody's numbers.

        Args:
            determinants: Models of those behind it.
            of: Keys of the lines that it rests on.
        """
        draft = self.draft
        return RatedLine(
            id=self.id,
            key=self.key,
            kind=self.kind,
            name=self.name,
            label=draft.label,
            tier=draft.tier,
            segment=draft.segment,
            first=draft.days.first,
            end=draft.days.end,
            quantity=None,
            unit=draft.unit,
            price=self.price,
            exact=draft.exact,
            amount=Decimal(0),
            tariff_sha256=self.sha256,
            determinants=determinants,
            of=of,
            note=draft.note,
        )

    @property
    def counted(self) -> Ints:
        """Amounts, zero where a meter has no such line."""
        return self.amount if self.present is None else times(self.amount, self.present)
