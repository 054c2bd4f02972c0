"""Credits: money banks that offset charges, and the settlement of every bank."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.book import HeldError
from central.domain.rating.charges.draft import Draft, Span
from central.domain.rating.energy_bank import balance, draw
from central.domain.rating.line import Determinant, Hold
from central.domain.rating.state import Credit
from central.domain.tariff.document import EnergyBank, MoneyBank


def price_money_bank(bank: MoneyBank, span: Span) -> Iterator[Draft]:
    """Offset charges with what exported energy earned.

        earned    = sum over periods of quantity x price
        available = what earlier bills left (+ earned, where it may pay this bill)
        credit    = min(available, charges it may pay), oldest first; the rest stays banked

    Source: rating.md, section 3, net billing; SSC net billing with carry-over
    """
    own = span.book.credits.setdefault(bank.name, {})
    _lapse(bank, span)
    earned, behind = _earned(bank, span)
    charges = span.based_on(bank.offsets)
    payable = max(Fraction(0), Fraction(sum((line.amount for line in charges), Decimal(0))))
    fresh = Credit(bank.name, "", span.book.month, earned)
    if bank.when == "this_bill":
        own.setdefault("", []).append(fresh)
    used = draw(own, "", payable)
    if bank.when == "next_bill":
        own.setdefault("", []).append(fresh)
    own[""] = [credit for credit in own[""] if credit.amount]
    if used or earned:
        left = sum((credit.amount for credit in own[""]), Fraction(0))
        code = span.document.currency.code
        yield Draft(
            span.days,
            span.segments[0].number,
            None,
            "",
            None,
            -used,
            determinants=behind,
            of=tuple(line.key for line in charges),
            note=f"earned {_shown(earned)}, used {_shown(used)}, left {_shown(left)} {code}",
        )


def _shown(value: Fraction) -> str:
    return f"{Decimal(round(value * 100)).scaleb(-2):f}"


def _earned(bank: MoneyBank, span: Span) -> tuple[Fraction, tuple[Determinant, ...]]:
    total, behind = Fraction(0), []
    for segment in span.segments:
        for found in span.book.of(bank.earn, segment.number):
            price = bank.price.at(segment.season, found.label)
            if price is None:
                message = f"{bank.name!r} has no price in {segment.season} {found.label}."
                raise HeldError(Hold("MISSING_PRICE", message, bank.name))
            total += found.value * Fraction(price)
            behind.append(found)
    return total, tuple(behind)


def _lapse(bank: MoneyBank, span: Span) -> None:
    if bank.expires_months is None:
        return
    month = span.book.month
    now = month.year * 12 + month.month
    own = span.book.credits[bank.name]
    own[""] = [
        credit
        for credit in own.get("", ())
        if now - (credit.earned.year * 12 + credit.earned.month) < bank.expires_months
    ]


def settle_bank(bank: EnergyBank | MoneyBank, span: Span) -> Iterator[Draft]:
    """Settle a bank on the bill of its true-up month.

        amount = -(what is left x price per kWh), or -(money left x share); the bank is then empty

    It comes after minimums and taxes: it is no price of this month's supply.

    Source: rating.md, section 3, net metering (true-up month, surplus price)
    """
    rule = bank.true_up
    if rule is None or span.book.month.month != rule.month or span.days.end != span.bill.end:
        return
    own = span.book.credits.setdefault(bank.name, {})
    if isinstance(bank, EnergyBank):
        left, unit = balance(bank, own), "kWh"
    else:
        left = sum((credit.amount for credit in own.get("", ())), Fraction(0))
        unit = span.document.currency.code
    own.clear()
    if left and rule.pay:
        price = Fraction(rule.pay)
        yield Draft(
            span.days, span.segments[0].number, left, unit, -price, -left * price, note="true-up"
        )
