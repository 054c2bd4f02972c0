"""How a line says its amount: a quantity and a price that is never below zero.

Where the printed price times the printed quantity is the amount, they are said. Where it is not, as
with a share of a month or a price for every interval, the amount is said to be that of the whole
quantity, which is exact.

Source: EN 16931-1:2017, rules BR-27 and "BG-29 Price details"
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from central.domain.einvoice.document import Price
from central.domain.einvoice.unit_codes import UNIT_OR_PIECE, unit_code
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.rounding import half_away

_ONE = Decimal(1)


def price_of(line: RatedLine, digits: int) -> Price:
    """The price of a line, with the line's own sign.

    Args:
        line: Of a bill.
        digits: Of the currency's smaller unit.
    """
    code, quantity, price, amount = unit_code(line.unit), line.quantity, line.price, line.amount
    if quantity is None or not quantity or code is None or _is_share(line):
        return Price(_ONE.copy_sign(amount), UNIT_OR_PIECE, amount.copy_abs())
    if price is not None and half_away(Fraction(quantity) * Fraction(price), digits) == amount:
        return Price(quantity if price >= 0 else quantity.copy_negate(), code, price.copy_abs())
    if not amount:
        return Price(quantity, code, amount.copy_abs())
    return Price(quantity.copy_sign(amount), code, amount.copy_abs(), quantity.copy_abs())


def printed_price(line: RatedLine, currency: str, price: Price) -> tuple[tuple[str, str], ...]:
    """What the bill prints of quantity and price where the line says it otherwise.

    Args:
        line: Of a bill.
        currency: Of the bill.
        price: As the line says it.
    """
    printed: list[tuple[str, str]] = []
    if line.quantity is not None and (price.unit == UNIT_OR_PIECE or price.per is not None):
        if _is_share(line):
            printed.append(("Base", f"{line.quantity:f} {currency}"))
        elif (
            unit_code(line.unit) != price.unit
            or price.quantity.copy_abs() != line.quantity.copy_abs()
        ):
            printed.append(("Quantity", f"{line.quantity:f} {line.unit}".strip()))
        if line.price is not None and _is_share(line):
            printed.append(("Percent", f"{line.price:f}"))
        elif line.price is not None and price.amount != line.price.copy_abs():
            printed.append(("Price", f"{line.price:f} {currency} per {line.unit or 'unit'}"))
    return tuple(printed)


def _is_share(line: RatedLine) -> bool:
    return line.note == "percent" or line.kind == "tax"
