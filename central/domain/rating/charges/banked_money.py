"""Money in a bank: put in, drawn in the order in which it lapses, and lapsed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.charges.draft import VersionSpan
from central.domain.rating.inputs.carried_state import Credit, Origin
from central.domain.rating.inputs.energy_bank import Own, draw
from central.domain.rating.inputs.expiry import NEVER, lapses_on
from central.domain.tariff.state_rules import Owner


def take_grants(bank: str, owner: Owner, banked: Own, span: VersionSpan) -> Fraction:
    """Put what was paid in on days of the bill into a bank; gives how much that is. [currency]."""
    total = Fraction(0)
    for grant in sorted(span.context.grants):
        if grant.bank == bank:
            amount = Fraction(grant.amount)
            origin = Origin(grant.day, grant.day + timedelta(days=1), owner)
            month = grant.day.replace(day=1)
            credit = Credit(bank, "", month, amount, origin, grant.expires)
            banked.setdefault("", []).append(credit)
            total += amount
    return total


def draw_money(banked: Own, months: int | None, wanted: Fraction) -> Fraction:
    """Take up to `wanted` of a bank, what lapses first, and of that the oldest; gives how much.

    Args:
        banked: The bank's credits; changed in place.
        months: Of the bank, after which they lapse; None for never.
        wanted: [currency]
    """
    return draw(
        banked,
        "",
        wanted,
        lambda credit: (lapses_on(credit.earned, credit.expires, months), credit.earned),
    )


def lapse(banked: Own, months: int | None, span: VersionSpan) -> Fraction:
    """Take out credits that are older than some months; gives how much that is. [currency].

    What an earlier version of the bill left lasts at least as long as the bill, and what has a day
    of its own until then.
    """
    if months is None:
        return Fraction(0)
    month = span.context.month
    now = month.year * 12 + month.month
    return _take_out(
        banked,
        lambda credit: (
            credit.expires == NEVER
            and now - (credit.earned.year * 12 + credit.earned.month) >= months
            and (credit.origin.first is None or credit.origin.first < span.bill.first)
        ),
    )


def lapse_dated(banked: Own, on: date) -> Fraction:
    """Take out what has a day of its own on which it lapses, by a day; gives how much that is."""
    return _take_out(banked, lambda credit: credit.expires <= on)


def lapse_with_bill(banked: Own) -> Fraction:
    """Take out all that has no day of its own; gives how much that is. [currency]."""
    return _take_out(banked, lambda credit: credit.expires == NEVER)


def _take_out(banked: Own, lapses: Callable[[Credit], bool]) -> Fraction:
    before = banked.get("", [])
    lapsed = [credit for credit in before if lapses(credit)]
    banked[""] = [credit for credit in before if not lapses(credit)]
    return sum((credit.amount for credit in lapsed), Fraction(0))


def left_note(banked: Own, code: str) -> str:
    """What is left, and what of it has a day of its own on which it lapses."""
    credits_left = banked.get("", ())
    dated: dict[date, Fraction] = {}
    for credit in credits_left:
        if credit.expires != NEVER:
            dated[credit.expires] = dated.get(credit.expires, Fraction(0)) + credit.amount
    note = f"left {shown(sum((credit.amount for credit in credits_left), Fraction(0)))} {code}"
    days = (f"{shown(dated[day])} lapses on {day}" for day in sorted(dated) if dated[day])
    return ", of it ".join((note, *days))


def shown(value: Fraction) -> str:
    """An amount of money as a note says it, to two decimals."""
    return f"{Decimal(round(value * 100)).scaleb(-2):f}"
