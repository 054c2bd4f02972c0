"""What a part of a bill says otherwise when it is rated again: its lines, one by one.

A line is found again by its key. One that is new stands against nothing, and one that is gone
leaves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from central.domain.rating.bill_lines.line import RatedLine

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class LineDifference:
    """A line that says another quantity or amount than before.

    Args:
        service_point: What it is charged for.
        key: Of the line, unique in its part.
        charge: Of the tariff.
        kind: Of the line, such as `energy`, `tax` or `settlement`.
        name: As the invoice prints it.
        label: Period, "" for none.
        first: First local day that it covers.
        end: The local day after the last.
        unit: Of the quantities.
        price: Per unit, or percent; None where there is none, or it is another now.
        old_quantity: None where the line has only an amount, or was not there.
        new_quantity: None where the line has only an amount, or is gone.
        old_amount: Zero where the line was not there. [currency]
        new_amount: Zero where it is gone. [currency]
        tariff_sha256: Hash of the tariff version.
    """

    service_point: str
    key: str
    charge: str
    kind: str
    name: str
    label: str
    first: date
    end: date
    unit: str
    price: Decimal | None
    old_quantity: Decimal | None
    new_quantity: Decimal | None
    old_amount: Decimal
    new_amount: Decimal
    tariff_sha256: str

    @property
    def amount(self) -> Decimal:
        """What is charged more; below zero, less. [currency]."""
        return self.new_amount - self.old_amount

    @property
    def quantity(self) -> Decimal | None:
        """What is counted more; None where the line has only an amount."""
        if self.old_quantity is None and self.new_quantity is None:
            return None
        return (self.new_quantity or _NOTHING) - (self.old_quantity or _NOTHING)

    @property
    def tax_rate(self) -> Decimal | None:
        """The percent of a tax line; None of others."""
        return self.price if self.kind == "tax" else None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; amounts, prices and quantities as strings, exact."""
        return {
            "service_point": self.service_point,
            "key": self.key,
            "charge": self.charge,
            "kind": self.kind,
            "name": self.name,
            "label": self.label,
            "first": self.first.isoformat(),
            "end": self.end.isoformat(),
            "unit": self.unit,
            "price": _text(self.price),
            "old_quantity": _text(self.old_quantity),
            "new_quantity": _text(self.new_quantity),
            "old_amount": _text(self.old_amount),
            "new_amount": _text(self.new_amount),
            "difference": _text(self.amount),
            "tariff_sha256": self.tariff_sha256,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LineDifference:
        """The difference that `to_json` wrote."""
        return cls(
            service_point=value["service_point"],
            key=value["key"],
            charge=value["charge"],
            kind=value["kind"],
            name=value["name"],
            label=value["label"],
            first=date.fromisoformat(value["first"]),
            end=date.fromisoformat(value["end"]),
            unit=value["unit"],
            price=_number(value["price"]),
            old_quantity=_number(value["old_quantity"]),
            new_quantity=_number(value["new_quantity"]),
            old_amount=Decimal(value["old_amount"]),
            new_amount=Decimal(value["new_amount"]),
            tariff_sha256=value["tariff_sha256"],
        )


def line_differences(
    service_point: str, before: Sequence[RatedLine], after: Sequence[RatedLine]
) -> Iterator[LineDifference]:
    """The lines of a part that differ, in print order; new ones come last.

    Args:
        service_point: Of the part.
        before: Its lines as they are settled.
        after: Its lines as they are rated now.
    """
    old, new = _by_key(before), _by_key(after)
    for key in dict.fromkeys((*old, *new)):
        was, line = old.get(key), new.get(key)
        if was is not None and line is not None and was.kind == "tax" and was.price != line.price:
            # Each rate by itself: what was taxed at the old one is given back at the old one.
            yield _difference(service_point, was, was, None)
            yield _difference(service_point, line, None, line)
            continue
        shown = line or was
        if shown is not None and _figures(was) != _figures(line):
            yield _difference(service_point, shown, was, line)


def sum_of(differences: Iterable[LineDifference]) -> Decimal:
    """What lines charge more, taken together. [currency]."""
    return sum((each.amount for each in differences), _NOTHING)


def _by_key(lines: Sequence[RatedLine]) -> dict[tuple[str, int], RatedLine]:
    """Lines by key, and by how many of that key are before them."""
    keyed: dict[tuple[str, int], RatedLine] = {}
    for line in lines:
        number = sum(key == line.key for key, _ in keyed)
        keyed[line.key, number] = line
    return keyed


def _figures(line: RatedLine | None) -> tuple[Decimal, Decimal]:
    if line is None:
        return _NOTHING, _NOTHING
    return line.amount, line.quantity or _NOTHING


def _difference(
    service_point: str, shown: RatedLine, was: RatedLine | None, line: RatedLine | None
) -> LineDifference:
    prices = {each.price for each in (was, line) if each is not None}
    return LineDifference(
        service_point=service_point,
        key=shown.key,
        charge=shown.id,
        kind=shown.kind,
        name=shown.name,
        label=shown.label,
        first=shown.first,
        end=shown.end,
        unit=shown.unit,
        price=shown.price if len(prices) == 1 else None,
        old_quantity=None if was is None else was.quantity,
        new_quantity=None if line is None else line.quantity,
        old_amount=_NOTHING if was is None else was.amount,
        new_amount=_NOTHING if line is None else line.amount,
        tariff_sha256=shown.tariff_sha256,
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else format(number, "f")


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
