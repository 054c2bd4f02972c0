"""What is settled with the last part under a tariff, because nothing after it takes it over."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.rating.charges.prepaid import shown
from central.domain.rating.determinants.compute import metered_peaks
from central.domain.rating.determinants.context import unit_of
from central.domain.rating.inputs.energy_bank import balance, draw
from central.domain.tariff.credit_rules import PREPAID, EnergyBank, MoneyBank
from central.domain.tariff.determinant_rules import EventDeterminant, MaxDeterminant
from central.domain.tariff.grammar.scope import POWER
from central.domain.tariff.state_rules import AtEnd

Ended = Iterator[tuple[str, Draft]]
"""Lines with their ids; no id of a tariff has a hyphen, so that none is taken."""


def settle_ended(span: VersionSpan) -> Ended:
    """A line for every state that ends here with anything in it, also where it is worth nothing.

        energy bank:  -(what is left x price per kWh)
        money bank:   -(what pays charges that are due) - (what is left then x share)
        prepaid:      -(what is left)
        peaks, levels and banks that the tariff has no rule for: zero

    The price or share is that of `at_end`, or else of the true-up; without either it is zero, and
    what is left expires. A deferral, and what is short of a minimum or commitment, are lines of
    their own.

    Source: docs/reference/charges.md, "The end of a state"
    """
    if not span.ending.anything or not span.is_last:
        return
    document = span.document
    for energy in document.energy_banks:
        if span.ends(energy.name):
            yield from _energy(energy, span)
    for money in document.money_banks:
        if span.ends(money.name):
            yield from _money(money, span)
    if span.ends(PREPAID):
        yield from _refund(span)
    yield from _unknown_banks(span)
    yield from _peaks(span)
    yield from _levels(span)


def _line(span: VersionSpan, quantity: Fraction | None, unit: str, note: str) -> Draft:
    return Draft(span.days, span.segments[-1].number, quantity, unit, None, Fraction(0), note=note)


def _priced(bank: EnergyBank | MoneyBank) -> AtEnd:
    if bank.at_end is not None:
        return bank.at_end
    return AtEnd() if bank.true_up is None else AtEnd(pay=bank.true_up.pay)


def _energy(bank: EnergyBank, span: VersionSpan) -> Ended:
    banked = span.context.credits.setdefault(bank.name, {})
    left, price = balance(bank, banked), Fraction(_priced(bank).pay)
    banked.clear()
    if left:
        note = "paid out at the end" if price else "expires at the end"
        yield (
            f"{bank.name}_settlement",
            Draft(
                span.days,
                span.segments[-1].number,
                left,
                "kWh",
                -price,
                -left * price,
                note=note,
            ),
        )


def _money(bank: MoneyBank, span: VersionSpan) -> Ended:
    banked = span.context.credits.setdefault(bank.name, {})
    rule, code = _priced(bank), span.document.currency.code
    left = sum((credit.amount for credit in banked.get("", ())), Fraction(0))
    due = sum((Fraction(line.amount) for line in (*span.before, *span.lines)), Fraction(0))
    applied = draw(banked, "", max(Fraction(0), due)) if rule.apply else Fraction(0)
    paid = (left - applied) * Fraction(rule.pay)
    banked.clear()
    if left:
        expired = left - applied - paid
        parts = {"applied": applied, "paid out": paid, "expired": expired}
        amounts = ", ".join(f"{shown(value)} {word}" for word, value in parts.items() if value)
        yield (
            f"{bank.name}_settlement",
            Draft(
                span.days,
                span.segments[-1].number,
                left,
                code,
                None,
                -(applied + paid),
                note=f"at the end {amounts}",
            ),
        )


def _refund(span: VersionSpan) -> Ended:
    banked = span.context.credits.setdefault(PREPAID, {})
    left = sum((credit.amount for credit in banked.get("", ())), Fraction(0))
    banked.clear()
    if left:
        code = span.document.currency.code
        note = "paid back at the end"
        yield (
            f"{PREPAID}-settlement",
            Draft(
                span.days,
                span.segments[-1].number,
                left,
                code,
                None,
                -left,
                note=note,
            ),
        )


def _unknown_banks(span: VersionSpan) -> Ended:
    """Banks of an earlier version, which the last one has no rule for."""
    for name, banked in span.context.credits.items():
        if name in span.document.owners or not span.ends(name):
            continue
        left = sum((c.amount for credits_ in banked.values() for c in credits_), Fraction(0))
        banked.clear()
        if left:
            note = f"{left} left; expires at the end, for the tariff has no such bank"
            yield f"{name}-settlement", _line(span, left, "", note)


def _peaks(span: VersionSpan) -> Ended:
    metered = metered_peaks(span.segments, span.context)
    for history in span.document.history:
        if not span.ends(history.name):
            continue
        peaks = [peak.value for peak in span.context.opening.peaks if peak.name == history.name]
        peaks += [value for name, _, value in metered if name == history.name]
        rule = next(r for r in span.document.determinants if r.name == history.name)
        if peaks and isinstance(rule, MaxDeterminant):
            energy = unit_of(span.segments[-1], rule.series)
            unit = POWER.get(energy, f"{energy}/h")
            note = f"peaks of {history.months} months end"
            yield f"{history.name}-peaks", _line(span, max(peaks), unit, note)


def _levels(span: VersionSpan) -> Ended:
    for rule in span.document.determinants:
        if not isinstance(rule, EventDeterminant) or not span.ends(rule.name):
            continue
        levels = [
            value
            for (name, _), levels_by_key in span.context.levels.items()
            if name == rule.name
            for value in levels_by_key.values()
        ]
        if levels:
            total = sum(levels, Fraction(0))
            yield f"{rule.name}-levels", _line(span, total, rule.unit, "levels end")
