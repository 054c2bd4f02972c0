"""What is settled with the last part under a tariff, because nothing after it takes it over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.charges.banked_money import draw_money, lapse_dated, shown
from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.rating.charges.dropped import bank_of
from central.domain.rating.charges.included import ended_units
from central.domain.rating.determinants.context import HeldError, unit_of, unknown_sums
from central.domain.rating.determinants.history import metered, rule_of
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.energy_bank import Own, balance, balance_of
from central.domain.tariff.credit_rules import PREPAID, EnergyBank, MoneyBank
from central.domain.tariff.determinant_rules import EventDeterminant, MaxDeterminant, SumDeterminant
from central.domain.tariff.input_units import POWER
from central.domain.tariff.state_rules import AtEnd, Owner

Ended = Iterator[tuple[str, Draft]]
"""Lines with their ids; no id of a tariff has a hyphen, so that none is taken."""


def settle_ended(span: VersionSpan) -> Ended:
    """A line for every state that ends here with anything in it, also where it is worth nothing.

        energy bank:  -(what is left x price per kWh)
        money bank:   -(what pays charges that are due) - (what is left then x share)
        prepaid:      -(what is left)
        peaks, levels, and banks and sums that the tariff has no rule for: zero

    A bank that the tariff has no longer is settled by the last version that had it, also where
    nothing else ends. What the next tariff takes over as `none` lapses, also where it is nothing.
    The price or share is that of `at_end`, or else of the true-up; without either it is zero, and
    what is left expires. A deferral, and what is short of a minimum or commitment, are lines of
    their own.

    Source: docs/reference/charges.md, "The end of a state"
    """
    if not span.is_last:
        return
    document = span.document
    yield from _lapsed(span)
    yield from _dropped(span)
    yield from _unknown_sums(span)
    if not span.ending.anything:
        return
    _check_lapses(span)
    for energy in document.energy_banks:
        if span.ends(energy.name):
            yield from _energy(energy, span)
    for money in document.money_banks:
        if span.ends(money.name):
            yield from _money(money, span)
    if PREPAID in document.owners and span.ends(PREPAID):
        yield from _refund(span)
    yield from ended_units(span)
    yield from _unknown_banks(span)
    yield from _peaks(span)
    yield from _levels(span)


def _line(span: VersionSpan, quantity: Fraction | None, unit: str, note: str) -> Draft:
    return Draft(span.days, span.segments[-1].number, quantity, unit, None, Fraction(0), note=note)


def _priced(bank: EnergyBank | MoneyBank) -> AtEnd:
    if bank.at_end is not None:
        return bank.at_end
    return AtEnd() if bank.true_up is None else AtEnd(pay=bank.true_up.price_of(""))


def _price_at_end(bank: EnergyBank, banked: Own) -> Fraction:
    """The price per kWh of what is left; where periods differ, the average of them."""
    by_period = None if bank.at_end is not None or bank.true_up is None else bank.true_up.pay
    if by_period is None or isinstance(by_period, Decimal):
        return Fraction(_priced(bank).pay)
    left = {label: balance_of(banked, label) for label, _ in by_period}
    worth = sum((left[label] * Fraction(price) for label, price in by_period), Fraction(0))
    total = sum(left.values(), Fraction(0))
    return worth / total if total else Fraction(0)


def _energy(bank: EnergyBank, span: VersionSpan) -> Ended:
    banked = span.context.credits.setdefault(bank.name, {})
    left, price = balance(bank, banked), _price_at_end(bank, banked)
    lapses = span.ending.lapses(bank.name)
    if lapses:
        span.context.not_taken += [credit for found in banked.values() for credit in found]
    banked.clear()
    if left or lapses:
        note = "paid out at the end" if price else "expires at the end"
        if lapses:
            price, note = Fraction(0), "lapses, for the next tariff takes nothing of it over"
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
    expired = lapse_dated(banked, span.bill.first)
    due = sum((Fraction(line.amount) for line in (*span.before, *span.lines)), Fraction(0))
    owed = max(Fraction(0), due) if rule.apply else Fraction(0)
    applied = draw_money(banked, bank.expires_months, owed)
    expired += lapse_dated(banked, span.bill.last)
    paid = (left - applied - expired) * Fraction(rule.pay)
    banked.clear()
    if left:
        expired = left - applied - paid
        span.context.note_expired(bank.name, expired)
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
    expired = lapse_dated(banked, span.bill.last)
    span.context.note_expired(PREPAID, expired)
    banked.clear()
    if left:
        code = span.document.currency.code
        note = "paid back at the end"
        note += f", {shown(expired)} expired" if expired else ""
        yield (
            f"{PREPAID}-settlement",
            Draft(
                span.days,
                span.segments[-1].number,
                left,
                code,
                None,
                expired - left,
                note=note,
            ),
        )


def _lapsed(span: VersionSpan) -> Ended:
    """What an energy bank's map let lapse: worth nothing, and no more there."""
    for name, energy in span.context.lapsed.items():
        note = "lapses, as the bank's map says"
        yield f"{name}-lapsed", _line(span, energy, "kWh", note)


def _dropped(span: VersionSpan) -> Ended:
    """Banks that a newer version has dropped; those of the account end with it, or its tariff."""
    for name, version in span.context.dropped.items():
        bank = bank_of(version.document, name)
        if bank is None or _stays_with_account(name, bank.owner, span):
            continue
        settled = _energy(bank, span) if isinstance(bank, EnergyBank) else _money(bank, span)
        for _, draft in settled:
            note = f"{draft.note}; the tariff has no such bank any more"
            yield f"{name}-settlement", replace(draft, note=note)
    paid_in = [c for banked in span.context.credits.get(PREPAID, {}).values() for c in banked]
    if PREPAID not in span.document.owners and not any(
        _stays_with_account(PREPAID, credit.origin.owner, span) for credit in paid_in
    ):
        yield from _refund(span)


def _stays_with_account(name: str, owner: Owner, span: VersionSpan) -> bool:
    return owner is Owner.ACCOUNT and span.ending.name_after(name, owner) is not None


def _unknown_sums(span: VersionSpan) -> Ended:
    """Sums of a year or term that the last version has no rule for."""
    for entry in unknown_sums(span.context, span.document):
        if not _stays_with_account(entry.id, entry.origin.owner, span):
            amount, code = Fraction(entry.amount), span.document.currency.code
            note = f"{entry.amount} {code} come to; the tariff has no such minimum or commitment"
            yield f"{entry.id}-settlement", _line(span, amount, code, note)


def _check_lapses(span: VersionSpan) -> None:
    """Hold the bill where more than energy would lapse.

    Raises:
        HeldError: The next tariff takes over something else as `none`.
    """
    energy = {bank.name for bank in span.document.energy_banks}
    for name in span.document.owners:
        if name not in energy and span.ending.lapses(name):
            message = f"{name!r} of {span.document.tariff} is no energy; only energy may lapse."
            raise HeldError(Hold("STATE_MISMATCH", message, name))


def _unknown_banks(span: VersionSpan) -> Ended:
    """Banks that no version of the tariff has a rule for."""
    for name, banked in span.context.credits.items():
        entries = [credit for credits_ in banked.values() for credit in credits_]
        shared = any(credit.origin.owner is Owner.ACCOUNT for credit in entries)
        owner = Owner.ACCOUNT if shared else Owner.OCCUPANCY
        if name in span.document.owners or span.ending.name_after(name, owner) is not None:
            continue
        left = sum((credit.amount for credit in entries), Fraction(0))
        banked.clear()
        if left:
            note = f"{left} left; expires at the end, for the tariff has no such bank"
            yield f"{name}-settlement", _line(span, left, "", note)


def _peaks(span: VersionSpan) -> Ended:
    billed = metered(span.segments, span.context)
    for history in span.document.history:
        if not span.ends(history.name):
            continue
        peaks = [peak.value for peak in span.context.opening.peaks if peak.name == history.name]
        peaks += [value for name, _, value, _ in billed if name == history.name]
        rule = rule_of(history.name, span.document)
        if peaks and rule is not None:
            energy, word = unit_of(span.segments[-1], rule.series), "sums"
            unit = energy
            if isinstance(rule, MaxDeterminant):
                unit, word = POWER.get(energy, f"{energy}/h"), "peaks"
            note = f"{word} of {history.months} months end"
            yield f"{history.name}-peaks", _line(span, max(peaks), unit, note)


def _levels(span: VersionSpan) -> Ended:
    for rule in span.document.determinants:
        is_net = isinstance(rule, SumDeterminant) and rule.is_carried
        if not (is_net or isinstance(rule, EventDeterminant)) or not span.ends(rule.name):
            continue
        levels = [
            value
            for (name, _), levels_by_key in span.context.levels.items()
            if name == rule.name
            for value in levels_by_key.values()
        ]
        if levels:
            total = sum(levels, Fraction(0))
            unit, note = "", "levels end"
            if isinstance(rule, SumDeterminant):
                unit, note = unit_of(span.segments[-1], rule.series), "net so far; its period ends"
            elif isinstance(rule, EventDeterminant):
                unit = rule.unit
            yield f"{rule.name}-levels", _line(span, total, unit, note)
