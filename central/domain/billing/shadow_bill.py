"""Shadow bills: what another system billed, line by line against what is billed here. Pure.

Source: docs/how-to/compare-with-another-system.md
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from central.domain.rating.bill_lines.line import RatedLine

_NOTHING = Decimal(0)
_CENT = Decimal("0.01")


class ShadowClass(StrEnum):
    """How a line of the other system differs from ours. Never renamed."""

    EQUAL = "equal"
    ROUNDING = "rounding"
    QUANTITY = "quantity"
    PRICE = "price"
    PERIOD = "period"
    TAX = "tax"
    MISSING = "missing_line"
    EXTRA = "extra_line"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ShadowLine:
    """A line that another system billed, or that is billed here.

    Args:
        charge: Id of the charge in the tariff.
        label: Its period of the day, "" for none.
        amount: What it charges. [currency]
        quantity: What it counts; None where that is not said.
        price: Per unit, or percent; None where that is not said.
        first: First local day that it covers; None where that is not said.
        end: The local day after the last.
        tax: Whether it is a tax.
    """

    charge: str
    label: str
    amount: Decimal
    quantity: Decimal | None = None
    price: Decimal | None = None
    first: date | None = None
    end: date | None = None
    tax: bool = False

    @classmethod
    def of(cls, line: RatedLine) -> ShadowLine:
        """A line that is billed here."""
        return cls(
            line.id,
            line.label,
            line.amount,
            line.quantity,
            line.price,
            line.first,
            line.end,
            line.kind == "tax",
        )


@dataclass(frozen=True, slots=True)
class ComparedLine:
    """A line of the other system beside ours.

    Args:
        kind: How they differ.
        theirs: None where only we have it.
        ours: None where only they have it.
    """

    kind: ShadowClass
    theirs: ShadowLine | None
    ours: ShadowLine | None

    @property
    def difference(self) -> Decimal:
        """What we charge more. [currency]."""
        theirs = _NOTHING if self.theirs is None else self.theirs.amount
        return (_NOTHING if self.ours is None else self.ours.amount) - theirs

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; numbers as strings, exact."""
        shown = self.theirs or self.ours
        return {
            "class": self.kind.value,
            "charge": "" if shown is None else shown.charge,
            "label": "" if shown is None else shown.label,
            "their_quantity": _text(None if self.theirs is None else self.theirs.quantity),
            "our_quantity": _text(None if self.ours is None else self.ours.quantity),
            "their_price": _text(None if self.theirs is None else self.theirs.price),
            "our_price": _text(None if self.ours is None else self.ours.price),
            "their_amount": _text(None if self.theirs is None else self.theirs.amount),
            "our_amount": _text(None if self.ours is None else self.ours.amount),
            "difference": _text(self.difference),
        }


@dataclass(frozen=True, slots=True)
class ComparedBill:
    """A bill of the other system beside ours.

    Args:
        account: Number.
        period: Name.
        bill: Our bill's number, or account and period; None where none is made.
        lines: Compared, those of the other system first.
    """

    account: str
    period: str
    bill: str | None
    lines: tuple[ComparedLine, ...]

    @property
    def theirs(self) -> Decimal:
        """What they charge together. [currency]."""
        return sum((each.theirs.amount for each in self.lines if each.theirs), _NOTHING)

    @property
    def difference(self) -> Decimal:
        """What we charge more together. [currency]."""
        return sum((each.difference for each in self.lines), _NOTHING)

    @property
    def equal(self) -> bool:
        """Whether both come to the same amount, to the cent."""
        return self.bill is not None and self.difference == 0

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "account": self.account,
            "period": self.period,
            "bill": self.bill,
            "their_total": _text(self.theirs),
            "our_total": _text(self.theirs + self.difference),
            "equal": self.equal,
            "lines": [each.to_json() for each in self.lines],
        }


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """All bills that were compared.

    Args:
        bills: In the order of the file.
    """

    bills: tuple[ComparedBill, ...]

    @property
    def equal_bills(self) -> int:
        """How many come to the same amount, to the cent."""
        return sum(bill.equal for bill in self.bills)

    @property
    def share_equal(self) -> Fraction | None:
        """The exact share of them; None of nothing."""
        return Fraction(self.equal_bills, len(self.bills)) if self.bills else None

    def classes(self) -> dict[ShadowClass, tuple[int, Decimal]]:
        """How many lines differ so, and what we charge more on them; in the order of classes."""
        counts = dict.fromkeys(ShadowClass, (0, _NOTHING))
        for bill in self.bills:
            for line in bill.lines:
                count, amount = counts[line.kind]
                counts[line.kind] = count + 1, amount + line.difference
        return {kind: of for kind, of in counts.items() if of[0]}

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        share = self.share_equal
        return {
            "bills": len(self.bills),
            "equal_bills": self.equal_bills,
            "share_equal": None if share is None else f"{share.numerator}/{share.denominator}",
            "classes": [
                {"class": kind.value, "lines": count, "difference": _text(amount)}
                for kind, (count, amount) in self.classes().items()
            ],
            "compared": [bill.to_json() for bill in self.bills],
        }


def compared_lines(
    theirs: Sequence[ShadowLine], ours: Sequence[ShadowLine]
) -> tuple[ComparedLine, ...]:
    """Lines of one bill against each other.

    Lines of one charge and label stand beside each other: those of one amount first, then those of
    one price, then the rest in order.

    Args:
        theirs: In their order.
        ours: In print order.
    """
    left: dict[tuple[str, str], list[ShadowLine]] = defaultdict(list)
    for line in ours:
        left[line.charge, line.label].append(line)
    pairs: dict[int, ShadowLine] = {}
    for alike in (_same_amount, _same_price, _same_line):
        for number, line in enumerate(theirs):
            group = left[line.charge, line.label]
            if number not in pairs:
                match = next((each for each in group if alike(line, each)), None)
                if match is not None:
                    group.remove(match)
                    pairs[number] = match
    compared = [
        ComparedLine(ShadowClass.MISSING, line, None)
        if number not in pairs
        else ComparedLine(_class_of(line, pairs[number]), line, pairs[number])
        for number, line in enumerate(theirs)
    ]
    extra = [line for line in ours if any(line is each for each in _all(left.values()))]
    return (*compared, *(ComparedLine(ShadowClass.EXTRA, None, line) for line in extra))


def _all(groups: Iterable[Sequence[ShadowLine]]) -> Iterator[ShadowLine]:
    for group in groups:
        yield from group


def _same_amount(theirs: ShadowLine, ours: ShadowLine) -> bool:
    return theirs.amount == ours.amount


def _same_price(theirs: ShadowLine, ours: ShadowLine) -> bool:
    return theirs.price is not None and theirs.price == ours.price


def _same_line(_: ShadowLine, __: ShadowLine) -> bool:
    return True


def _class_of(theirs: ShadowLine, ours: ShadowLine) -> ShadowClass:
    """How two lines of one charge differ: the first class that holds."""
    difference = ours.amount - theirs.amount
    quantity, price = _other(theirs.quantity, ours.quantity), _other(theirs.price, ours.price)
    days = (theirs.first, ours.first), (theirs.end, ours.end)
    by_quantity = abs(_gap(theirs.quantity, ours.quantity) * (ours.price or _NOTHING))
    by_price = abs(_gap(theirs.price, ours.price) * (theirs.quantity or _NOTHING))
    more = quantity and (not price or by_quantity >= by_price)
    holds = {
        ShadowClass.EQUAL: difference == 0,
        ShadowClass.ROUNDING: not quantity and not price and abs(difference) <= _CENT,
        ShadowClass.TAX: theirs.tax or ours.tax,
        ShadowClass.PERIOD: any(there not in {None, here} for there, here in days),
        ShadowClass.QUANTITY: more,
        ShadowClass.PRICE: price,
    }
    return next((kind for kind, does in holds.items() if does), ShadowClass.OTHER)


def _other(theirs: Decimal | None, ours: Decimal | None) -> bool:
    """Whether two numbers differ at the places that the coarser one has; unsaid ones do not."""
    if theirs is None or ours is None:
        return False
    places = max(_exponent(theirs), _exponent(ours))
    unit = Decimal(1).scaleb(places)
    return theirs.quantize(unit) != ours.quantize(unit)


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _gap(theirs: Decimal | None, ours: Decimal | None) -> Decimal:
    return (ours or _NOTHING) - (theirs or _NOTHING)


def _text(number: Decimal | None) -> str | None:
    return None if number is None else format(number, "f")
