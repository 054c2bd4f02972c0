"""Why a bill comes to something else than the one before: steps that sum exactly.

Lines are compared by charge and label. Where a line is a quantity at a price on both bills, what
more was used is told apart from what became dearer: the first at the old price, the second what is
left, so that nothing is lost to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

_NOTHING, _PERCENT = Decimal(0), Decimal(100)
_TIME = frozenset({"day", "month", "year"})


class ChangeCause(StrEnum):
    """Why a step is there."""

    USE = "use"
    TIME = "length of the period"
    TAXED = "amount that is taxed"
    PRICE = "price"
    NEW = "new charge"
    GONE = "no longer charged"
    AMOUNT = "other amount"


@dataclass(frozen=True, slots=True)
class BilledCharge:
    """What a bill says of one charge.

    Args:
        charge: Of the tariff.
        label: Period or step, "" for none.
        text: As it is printed.
        kind: Of its lines, such as `energy` or `tax`.
        unit: Of the quantity, "" for none; the currency of a tax.
        quantity: What the price applies to; None where there is only an amount.
        price: Per unit, or percent of what is taxed; None where there is no single one.
        amount: What it comes to. [currency]
    """

    charge: str
    label: str
    text: str
    kind: str
    unit: str
    quantity: Decimal | None
    price: Decimal | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class ChangeStep:
    """A part of the difference between two bills.

    Args:
        text: The charge, as it is printed.
        label: Period or step, "" for none.
        cause: Why.
        old: Quantity or price before, as the cause says; None where there was none.
        new: The same now.
        unit: Of these; "" where there are none.
        amount: What it adds; below zero, what it takes. [currency]
    """

    text: str
    label: str
    cause: ChangeCause
    old: Decimal | None
    new: Decimal | None
    unit: str
    amount: Decimal


def steps_between(
    before: Sequence[BilledCharge], after: Sequence[BilledCharge]
) -> tuple[ChangeStep, ...]:
    """The steps from one bill's lines to another's, in the order of the second.

    They sum to the difference of the two sums of lines; what is the same is left out.
    """
    old, new = _joined(before), _joined(after)
    steps: list[ChangeStep] = []
    for key, charge in new.items():
        previous = old.get(key)
        if previous is None:
            steps.append(_whole(charge, ChangeCause.NEW, charge.amount))
        else:
            steps.extend(_between(previous, charge))
    steps.extend(
        _whole(charge, ChangeCause.GONE, -charge.amount)
        for key, charge in old.items()
        if key not in new
    )
    return tuple(step for step in steps if step.amount)


def _joined(charges: Iterable[BilledCharge]) -> dict[tuple[str, str], BilledCharge]:
    """Charges by charge and label; several lines of one are one."""
    joined: dict[tuple[str, str], BilledCharge] = {}
    for charge in charges:
        key = (charge.charge, charge.label)
        joined[key] = _sum(joined[key], charge) if key in joined else charge
    return joined


def _sum(first: BilledCharge, second: BilledCharge) -> BilledCharge:
    adds = first.unit == second.unit and None not in {first.quantity, second.quantity}
    quantity = (first.quantity or _NOTHING) + (second.quantity or _NOTHING) if adds else None
    return BilledCharge(
        first.charge,
        first.label,
        first.text,
        first.kind,
        first.unit if adds else "",
        quantity,
        first.price if first.price == second.price else None,
        first.amount + second.amount,
    )


def _whole(charge: BilledCharge, cause: ChangeCause, amount: Decimal) -> ChangeStep:
    return ChangeStep(charge.text, charge.label, cause, None, None, "", amount)


def _between(old: BilledCharge, new: BilledCharge) -> Iterator[ChangeStep]:
    change = new.amount - old.amount
    if not (_is_product(old) and _is_product(new)) or old.unit != new.unit:
        cause = ChangeCause.AMOUNT
        if old.unit == new.unit and old.quantity != new.quantity:
            cause = _cause_of(new)
        both = cause is not ChangeCause.AMOUNT
        yield ChangeStep(
            new.text, new.label, cause,
            old.quantity if both else None, new.quantity if both else None,
            new.unit if both else "", change,
        )  # fmt: skip
        return
    by_use = _by_use(old, new, change)
    yield ChangeStep(
        new.text, new.label, _cause_of(new), old.quantity, new.quantity, new.unit, by_use
    )
    yield ChangeStep(
        new.text, new.label, ChangeCause.PRICE, old.price, new.price, new.unit, change - by_use
    )


def _by_use(old: BilledCharge, new: BilledCharge, change: Decimal) -> Decimal:
    """What the other quantity would change at the old price, in the places of the amounts."""
    if old.price == new.price:
        return change
    if old.quantity == new.quantity:
        return _NOTHING
    quantity = (new.quantity or _NOTHING) - (old.quantity or _NOTHING)
    exact = quantity * (old.price or _NOTHING) / (_PERCENT if old.kind == "tax" else 1)
    return exact.quantize(change)


def _is_product(charge: BilledCharge) -> bool:
    """Whether a line is its quantity at its price, to the places that it is rounded to."""
    if charge.quantity is None or charge.price is None:
        return False
    exact = charge.quantity * charge.price / (_PERCENT if charge.kind == "tax" else 1)
    step = Decimal(1).scaleb(int(charge.amount.as_tuple().exponent))
    return abs(exact - charge.amount) < step


def _cause_of(charge: BilledCharge) -> ChangeCause:
    """What another quantity of a charge means."""
    if charge.kind == "tax":
        return ChangeCause.TAXED
    return ChangeCause.TIME if charge.unit in _TIME else ChangeCause.USE
