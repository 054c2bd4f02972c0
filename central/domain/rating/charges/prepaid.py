"""Prepaid balances: money paid in before, drawn down by what is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.rating.inputs.carried_state import Credit, Origin
from central.domain.rating.inputs.energy_bank import Own, draw
from central.domain.tariff.credit_rules import PREPAID, Prepaid
from central.domain.tariff.state_rules import Owner


def price_prepaid(rule: Prepaid, span: VersionSpan, due: Decimal) -> Iterator[Draft]:
    """Draw the balance down.

        available = what earlier bills left, less what is too old, + what was paid in
        drawn     = min(available, what is due so far), oldest first; the rest stays

    It changes what is due, not the price: taxes rest on the lines before it.

    Args:
        rule: What the tariff says.
        span: The bill's last.
        due: Lines so far, taxes and earlier settlement included. [currency]

    Source: docs/reference/charges.md, "Commitments and credits"
    """
    own = span.context.credits.setdefault(PREPAID, {})
    expired = lapse(own, rule.expires_months, span)
    paid_in = take_grants(PREPAID, rule.owner, own, span)
    used = draw(own, "", max(Fraction(0), Fraction(due)))
    left = sum((credit.amount for credit in own[""]), Fraction(0))
    if used or paid_in or expired:
        code = span.document.currency.code
        note = f"expired {shown(expired)}, " if expired else ""
        note += f"paid in {shown(paid_in)}, drawn {shown(used)}, left {shown(left)} {code}"
        yield Draft(span.days, span.segments[0].number, None, "", None, -used, note=note)


def take_grants(bank: str, owner: Owner, own: Own, span: VersionSpan) -> Fraction:
    """Put what was paid in on days of the bill into a bank; gives how much that is. [currency]."""
    total = Fraction(0)
    for grant in sorted(span.context.grants):
        if grant.bank == bank:
            amount = Fraction(grant.amount)
            origin = Origin(grant.day, grant.day + timedelta(days=1), owner)
            credit = Credit(bank, "", grant.day.replace(day=1), amount, origin)
            own.setdefault("", []).append(credit)
            total += amount
    return total


def lapse(own: Own, months: int | None, span: VersionSpan) -> Fraction:
    """Take out credits that are older than some months; gives how much that is. [currency].

    What an earlier version of the bill left lasts at least as long as the bill.
    """
    if months is None:
        return Fraction(0)
    month = span.context.month
    now = month.year * 12 + month.month
    before = own.get("", [])
    own[""] = [
        credit
        for credit in before
        if now - (credit.earned.year * 12 + credit.earned.month) < months
        or (credit.origin.first is not None and credit.origin.first >= span.bill.first)
    ]
    total = sum((credit.amount for credit in before), Fraction(0))
    return total - sum((credit.amount for credit in own[""]), Fraction(0))


def shown(value: Fraction) -> str:
    """An amount of money as a note says it, to two decimals."""
    return f"{Decimal(round(value * 100)).scaleb(-2):f}"
