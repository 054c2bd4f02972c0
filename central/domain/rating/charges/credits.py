"""Credits: money banks that offset charges, and the settlement of every bank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.bill_lines.line import Determinant, RatedLine
from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.rating.charges.prepaid import lapse, shown, take_grants
from central.domain.rating.charges.tiers import price_tiers
from central.domain.rating.charges.years import month_ends
from central.domain.rating.determinants.context import HeldError
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.carried_state import Credit, Origin
from central.domain.rating.inputs.energy_bank import balance, draw
from central.domain.tariff.credit_rules import EnergyBank, MoneyBank
from central.domain.tariff.document import Charge


def price_money_bank(bank: MoneyBank, span: VersionSpan) -> Iterator[Draft]:
    """Offset charges with what exported energy earned.

        earned    = sum over periods of quantity x price, or by steps as charges.tiers has them
        available = what earlier bills left + granted (+ earned, where it may pay this bill)
        credit    = min(available, charges it may pay), oldest first; the rest stays banked

    What a bank before it in the tariff paid of a charge is not paid again. Credit older than
    `expires_months` lapses first, and the line says so.

    Source: docs/reference/charges.md, "Net billing"; SSC net billing with carry-over
    """
    own = span.context.credits.setdefault(bank.name, {})
    expired = lapse(own, bank.expires_months, span)
    granted = take_grants(bank.name, bank.owner, own, span) if span.is_last else Fraction(0)
    earned, behind = _earned(bank, span)
    charges = span.based_on(bank.offsets)
    payable = max(Fraction(0), Fraction(_unpaid(charges, span)))
    origin = Origin(span.days.first, span.days.end, bank.owner)
    fresh = Credit(bank.name, "", span.context.month, earned, origin)
    if bank.when == "this_bill":
        own.setdefault("", []).append(fresh)
    used = draw(own, "", payable)
    if bank.when == "next_bill":
        own.setdefault("", []).append(fresh)
    own[""] = [credit for credit in own[""] if credit.amount]
    if used or earned or granted or expired:
        left = sum((credit.amount for credit in own[""]), Fraction(0))
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
            note=f"{came}earned {shown(earned)}, used {shown(used)}, left {shown(left)} {code}",
        )


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

    It comes after minimums and taxes: it is no price of this month's supply.

    Source: docs/reference/charges.md, "Net metering"
    """
    rule = bank.true_up
    if rule is None or not month_ends(rule.month, span):
        return
    own = span.context.credits.setdefault(bank.name, {})
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
