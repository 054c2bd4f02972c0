"""Credits: money banks that offset charges, and the settlement of every bank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.bill_lines.line import Determinant, RatedLine
from central.domain.rating.charges.banked_money import (
    draw_money,
    lapse,
    lapse_dated,
    lapse_with_bill,
    left_note,
    shown,
    take_grants,
)
from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.rating.charges.dynamic import worth
from central.domain.rating.charges.tiers import price_tiers
from central.domain.rating.charges.years import month_ends
from central.domain.rating.determinants.context import HeldError
from central.domain.rating.determinants.interval_prices import last_price
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.carried_state import Credit, Origin
from central.domain.rating.inputs.energy_bank import Own, balance, balance_of
from central.domain.rating.rounding import half_away
from central.domain.tariff.credit_rules import EnergyBank, MoneyBank, TrueUp
from central.domain.tariff.document import Charge


def price_money_bank(bank: MoneyBank, span: VersionSpan) -> Iterator[Draft]:
    """Offset charges with what exported energy earned.

        earned    = sum over periods of quantity x price, or over intervals by a price series, or by
                    steps as charges.tiers has them
        available = what earlier bills left + granted (+ earned, where it may pay this bill)
        credit    = min(available, charges it may pay), what lapses first; the rest stays banked

    What a bank before it in the tariff paid of a charge is not paid again. Credit older than
    `expires_months` or its own day lapses first, and the line says so; what expires with the bill
    lapses last.

    Source: docs/reference/charges.md, "Net billing"; SSC net billing with carry-over
    """
    own = span.context.credits.setdefault(bank.name, {})
    expired = lapse(own, bank.expires_months, span)
    later = _earned_before(bank, own, span)
    granted = take_grants(bank.name, bank.owner, own, span) if span.is_last else Fraction(0)
    expired += lapse_dated(own, span.bill.first)
    applies = span.applies(bank.unless, bank.only)
    earned, behind = _earned(bank, span) if applies else (Fraction(0), ())
    charges = span.based_on(bank.offsets) if applies else []
    payable = max(Fraction(0), Fraction(_unpaid(charges, span)))
    origin = Origin(span.days.first, span.days.end, bank.owner)
    fresh = Credit(bank.name, "", span.context.month, earned, origin)
    if bank.when == "this_bill":
        own.setdefault("", []).append(fresh)
    used = draw_money(own, bank.expires_months, payable)
    if bank.when == "next_bill":
        own.setdefault("", []).extend((*later, fresh))
    if bank.expires_months == 0 and span.is_last:
        expired += lapse_with_bill(own)
    span.context.note_expired(bank.name, expired)
    own[""] = [credit for credit in own[""] if credit.amount]
    if used or earned or granted or expired:
        code = span.document.currency.code
        came = f"expired {shown(expired)}, " if expired else ""
        came += f"granted {shown(granted)}, " if granted else ""
        yield Draft(
            span.days,
            span.segments[0].number,
            None,
            "",
            None,
            -used,
            determinants=behind,
            of=tuple(line.key for line in charges),
            note=f"{came}earned {shown(earned)}, used {shown(used)}, {left_note(own, code)}",
        )


def _earned_before(bank: MoneyBank, balances: Own, span: VersionSpan) -> list[Credit]:
    """Take out what earlier versions of the bill earned for later bills alone."""
    if bank.when != "next_bill" or not span.earlier:
        return []
    earlier, later = list[Credit](), list[Credit]()
    for credit in balances.get("", []):
        since = credit.origin.first
        (later if since is not None and since >= span.bill.first else earlier).append(credit)
    balances[""] = earlier
    return later


def _unpaid(charges: Sequence[RatedLine], span: VersionSpan) -> Decimal:
    """What banks before this one have left of some charges; each paid its own in their order."""
    left = {line.key: line.amount for line in charges}
    for credit in span.lines:
        paid = -credit.amount if credit.kind == "credit" else Decimal(0)
        for key in credit.of if paid else ():
            amount = next((line.amount for line in span.lines if line.key == key), Decimal(0))
            part = min(paid, max(Decimal(0), left.get(key, amount)))
            paid -= part
            if key in left:
                left[key] -= part
    return sum(left.values(), Decimal(0))


def _earned(bank: MoneyBank, span: VersionSpan) -> tuple[Fraction, tuple[Determinant, ...]]:
    if bank.earn is None:
        return Fraction(0), ()
    if bank.times is not None:
        worths = [worth(bank.earn, bank.times, segment, span) for segment in span.segments]
        return sum((amount for _, amount in worths), Fraction(0)), tuple(
            behind._replace(worth=amount) for behind, amount in worths
        )
    if bank.steps:
        tiered = Charge(bank.name, qty=bank.earn, steps=bank.steps, tiers=bank.tiers)
        drafts = list(price_tiers(tiered, span))
        behind = dict.fromkeys(one for draft in drafts for one in draft.determinants)
        return sum((draft.exact for draft in drafts), Fraction(0)), tuple(behind)
    total, found_all = Fraction(0), []
    for segment in span.segments:
        for found in span.context.of(bank.earn, segment.number):
            price = None if bank.price is None else bank.price.at(segment.season, found.label)
            if price is None:
                message = f"{bank.name!r} has no price in {segment.season} {found.label}."
                raise HeldError(Hold("MISSING_PRICE", message, bank.name))
            total += found.value * Fraction(price)
            found_all.append(found)
    return total, tuple(found_all)


def settle_bank(bank: EnergyBank | MoneyBank, span: VersionSpan) -> Iterator[Draft]:
    """Settle a bank on the bill of its true-up month.

        amount = -(what is left x price per kWh), or -(money left x share); the bank is then empty

    The price is one for all or one by period, or that of a series at the end of the bill. The value
    of energy may go into a money bank instead, for later bills.

    It comes after minimums and taxes: it is no price of this month's supply.

    Source: docs/reference/charges.md, "Net metering"
    """
    rule = bank.true_up
    if rule is None or not month_ends(rule.month, span):
        return
    own = span.context.credits.setdefault(bank.name, {})
    if isinstance(bank, EnergyBank):
        yield from _settle_energy(bank, rule, own, span)
        return
    left = sum((credit.amount for credit in own.get("", ())), Fraction(0))
    own.clear()
    yield from _paid(left, span.document.currency.code, Fraction(rule.price_of("")), span)


def _settle_energy(bank: EnergyBank, rule: TrueUp, own: Own, span: VersionSpan) -> Iterator[Draft]:
    lefts = {"": balance(bank, own)}
    if not isinstance(rule.pay, Decimal):
        lefts = {label: balance_of(own, label) for label, _ in rule.pay}
    own.clear()
    for label, left in lefts.items():
        price = Fraction(rule.price_of(label))
        if rule.series is not None:
            price = last_price(rule.series, span.segments[-1], span.context)
        for draft in _paid(left, "kWh", price, span, label):
            yield draft if rule.into is None else _moved(draft, rule.into, span)


def _paid(
    left: Fraction, unit: str, price: Fraction, span: VersionSpan, label: str = ""
) -> Iterator[Draft]:
    if left and price:
        number, amount = span.segments[0].number, -left * price
        yield Draft(span.days, number, left, unit, -price, amount, label=label, note="true-up")


def _moved(draft: Draft, into: str, span: VersionSpan) -> Draft:
    """The value as a credit that later bills use; the line says so and is zero."""
    value = half_away(-draft.exact, span.document.currency.digits)
    owner = span.document.owners[into]
    origin = Origin(span.bill.first, span.bill.end, owner)
    credit = Credit(into, "", span.context.month, Fraction(value), origin)
    span.context.credits.setdefault(into, {}).setdefault("", []).append(credit)
    note = f"true-up, {value} {span.document.currency.code} into {into.replace('_', ' ')}"
    return replace(draft, exact=Fraction(0), note=note)
