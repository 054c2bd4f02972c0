"""Prepaid balances: money paid in before, drawn down by what is due."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.charges.banked_money import (
    draw_money,
    lapse,
    lapse_dated,
    left_note,
    shown,
    take_grants,
)
from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.tariff.credit_rules import PREPAID, Prepaid


def price_prepaid(rule: Prepaid, span: VersionSpan, due: Decimal) -> Iterator[Draft]:
    """Draw the balance down.

        available = what earlier bills left, less what is too old, + what was paid in
        drawn     = min(available, what is due so far), what lapses first; the rest stays

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
    expired += lapse_dated(own, span.bill.first)
    span.context.note_expired(PREPAID, expired)
    used = draw_money(own, rule.expires_months, max(Fraction(0), Fraction(due)))
    if used or paid_in or expired:
        code = span.document.currency.code
        note = f"expired {shown(expired)}, " if expired else ""
        note += f"paid in {shown(paid_in)}, drawn {shown(used)}, {left_note(own, code)}"
        yield Draft(span.days, span.segments[0].number, None, "", None, -used, note=note)
