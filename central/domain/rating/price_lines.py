"""The lines of a bill from its determinants, in the order of evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.charges.at_end import settle_ended
from central.domain.rating.charges.budget import price_budget, price_deferred
from central.domain.rating.charges.commitment import price_commitment
from central.domain.rating.charges.credits import price_money_bank, settle_bank
from central.domain.rating.charges.draft import Draft, VersionSpan, by_version
from central.domain.rating.charges.dynamic import price_dynamic
from central.domain.rating.charges.ending import GOES_ON, PartEnding
from central.domain.rating.charges.fixed import price_fixed
from central.domain.rating.charges.hand_over import NOTHING_HANDED, StateHandOver, printed_name
from central.domain.rating.charges.in_advance import dropped_advances, price_advance
from central.domain.rating.charges.included import price_included
from central.domain.rating.charges.minimum import carried_sum, price_minimum, year_sum
from central.domain.rating.charges.monthly_need import MonthlyNeed
from central.domain.rating.charges.once import price_once
from central.domain.rating.charges.percents import price_percent, share_of
from central.domain.rating.charges.prepaid import price_prepaid
from central.domain.rating.charges.round_total import round_total
from central.domain.rating.charges.tax_points import taxes_by_point
from central.domain.rating.charges.tiers import price_tiers
from central.domain.rating.charges.usage import price_usage
from central.domain.rating.charges.years import is_over
from central.domain.rating.determinants.context import HeldError, RatingContext
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import YearSum
from central.domain.rating.inputs.one_off import ID as ONE_OFF
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.rating.rounding import UNROUNDED_DIGITS, half_away, printed
from central.domain.tariff.credit_rules import (
    BUDGET_BILLING,
    PREPAID,
    BudgetBilling,
    Prepaid,
    TrueUpPayout,
    in_paying_order,
)
from central.domain.tariff.document import (
    BY_DAY,
    Charge,
    Minimum,
    Percent,
    TariffDocument,
)
from central.domain.tariff.version import TariffVersion

NO_RATES: Mapping[str, TariffVersion] = MappingProxyType({})
_KIND_OF_UNIT = {"kWh": "energy", "kW": "demand", "kVA": "demand", "kvarh": "energy"}


def price_segments(  # noqa: PLR0913 - all that a bill is priced from
    segments: Sequence[Segment],
    bill: DayRange,
    period: BillingPeriod,
    context: RatingContext,
    *,
    rounded: bool,
    ending: PartEnding = GOES_ON,
    handed: StateHandOver = NOTHING_HANDED,
    borders: Sequence[date] = (),
    rates: Mapping[str, TariffVersion] = NO_RATES,
    stay: DayRange | None = None,
) -> tuple[list[RatedLine], tuple[YearSum, ...]]:
    """The lines of a bill from its determinants, and what yearly minimums have to remember.

    Raises:
        HeldError: A price or fact is missing.
    """
    lines: list[RatedLine] = []
    sums: dict[str, Decimal] = {}
    needs: dict[str, MonthlyNeed[RatedLine]] = {}
    spans: list[VersionSpan] = []
    for version, own, after in by_version(segments, borders):
        document = version.document
        mine: list[RatedLine] = []
        digits = document.currency.digits if rounded else UNROUNDED_DIGITS
        several = len(segments) > 1
        add = adder(mine, version, digits, several=several)
        span = VersionSpan(
            own,
            document,
            bill,
            period,
            context,
            mine,
            add,
            tuple(lines),
            ending,
            after,
            tuple(spans),
            rates,
            needs,
            stay,
        )
        spans.append(span)
        _take_up(span, handed, before_taxes=True)
        _price(span)
        if span.is_last:
            _settle(span)
            _take_up(span, handed, before_taxes=False)
        for minimum in document.minimums:
            if minimum.per == "year":
                sums[minimum.id] = sums.get(minimum.id, Decimal(0)) + year_sum(minimum, span)
                if not span.is_last and is_over(minimum, span):
                    context.closed[minimum.id] = span.days.end
                    sums[minimum.id] = Decimal(0)
        lines.extend(mine)
    yearly = (minimum for minimum in span.document.minimums if minimum.per == "year")
    return lines, tuple(carried_sum(one, span, sums.get(one.id, Decimal(0))) for one in yearly)


def adder(
    lines: list[RatedLine], version: TariffVersion, digits: int, *, several: bool
) -> Callable[[str, str, str, Draft], RatedLine]:
    """What rounds drafts under a version and appends them to lines.

    Args:
        lines: Of the bill.
        version: Under which they are priced.
        digits: To which amounts are rounded.
        several: Whether the bill has several segments.
    """
    currency = version.document.currency
    decimals = {**dict(version.document.quantities), currency.code: currency.digits}

    def add(identifier: str, kind: str, name: str, draft: Draft) -> RatedLine:
        line = RatedLine(
            id=identifier,
            key=line_key(identifier, draft, several=several),
            kind=kind,
            name=name,
            label=draft.label,
            tier=draft.tier,
            segment=draft.segment,
            first=draft.days.first,
            end=draft.days.end,
            quantity=None
            if draft.quantity is None
            else printed(draft.quantity, decimals.get(draft.unit, 0)),
            unit=draft.unit,
            price=None if draft.price is None else printed(draft.price),
            exact=draft.exact,
            amount=half_away(draft.exact, digits),
            tariff_sha256=version.sha256,
            determinants=draft.determinants,
            of=draft.of,
            note=draft.note,
        )
        lines.append(line)
        return line

    return add


def line_key(identifier: str, draft: Draft, *, several: bool) -> str:
    """The key of a line, unique in its bill.

    Args:
        identifier: Of the charge.
        draft: The line.
        several: Whether the bill has several segments.
    """
    parts = [identifier]
    if draft.label:
        parts.append(draft.label)
    if draft.tier:
        parts.append(f"tier{draft.tier}")
    if several:
        parts.append(f"segment{draft.segment}")
    return "/".join(parts)


def kind_of(charge: Charge, unit: str, document: TariffDocument) -> str:
    """The kind of a charge's lines, by what it measures."""
    base = (charge.qty or "").partition(".")[0]
    measured = charge.times is not None or any(rule.name == base for rule in document.determinants)
    return _KIND_OF_UNIT.get(unit, "usage") if measured else "fixed"


def _price(span: VersionSpan) -> None:
    """The order of evaluation: charges, riders, credits, minimums, commitments, taxes."""
    document = span.document
    for charge in document.charges:
        _price_charge(charge, span, None)
    for name, draft in dropped_advances(span):
        span.add(name, "fixed", name.replace("_", " "), draft)
    for rider in document.riders:
        if isinstance(rider, Percent):
            _price_percent(rider, span, "rider")
        else:
            _price_charge(rider, span, "rider")
    add_one_offs(span)
    for bank in in_paying_order(document.money_banks, document.bank_order):
        for draft in price_money_bank(bank, span):
            span.add(bank.name, "credit", bank.name.replace("_", " "), draft)
    for minimum in document.minimums:
        _price_minimum(minimum, span)
    for commitment in document.commitments:
        for draft in price_commitment(commitment, span):
            span.add(commitment.id, "commitment", commitment.name or commitment.id, draft)
    price_taxes(span)


def add_one_offs(span: VersionSpan) -> None:
    """What was posted to the account: no line of the tariff; the taxes that it names rest on it."""
    for each in sorted(span.context.one_offs) if span.is_last else ():
        day = DayRange(each.day, each.day + timedelta(days=1))
        amount = Fraction(each.amount)
        draft = Draft(
            day, span.segments[-1].number, None, "", None, amount, each.key, note="posted"
        )
        span.add(ONE_OFF, "fixed" if amount > 0 else "credit", each.name, draft)


def price_taxes(span: VersionSpan) -> None:
    """The taxes on a span's lines; after the last span those that have one rate for all of them."""
    for tax in span.document.taxes:
        if tax.point in BY_DAY:
            _price_percent(tax, span, "tax")
    if span.is_last:
        spans = (*span.earlier, span)
        days = DayRange(spans[0].days.first, span.days.end)
        for tax, base in taxes_by_point(spans):
            span.add(tax.id, "tax", tax.name or tax.id, share_of(tax, base, span, days))


def _take_up(span: VersionSpan, handed: StateHandOver, *, before_taxes: bool) -> None:
    """The lines that settle what another tariff left: what is taxed first, and the rest at last."""
    if before_taxes and span.before:
        return
    for line in handed.lines:
        if (line.kind != "settlement") is before_taxes:
            span.add(line.id, line.kind, line.name, line.draft)


def _settle(span: VersionSpan) -> None:
    """What changes the amount due and not the price, in the order of the tariff.

    Raises:
        HeldError: Money was paid into a bank that the tariff does not have.
    """
    rules = span.document.settlement
    if not any(isinstance(rule, TrueUpPayout) for rule in rules):
        rules = (TrueUpPayout(), *rules)
    _check_grants(span)
    _pay_deferred(span)
    for rule in rules:
        due = sum((line.amount for line in (*span.before, *span.lines)), Decimal(0))
        match rule:
            case TrueUpPayout():
                for energy in span.document.energy_banks:
                    _add_settlement(span, f"{energy.name}_settlement", settle_bank(energy, span))
                for money in span.document.money_banks:
                    _add_settlement(span, f"{money.name}_settlement", settle_bank(money, span))
            case BudgetBilling():
                _add_settlement(span, BUDGET_BILLING, price_budget(rule, span, due))
            case Prepaid() if span.applies(None, rule.only):
                _add_settlement(span, PREPAID, price_prepaid(rule, span, due))
    for name, draft in settle_ended(span):
        _add_settlement(span, name, (draft,))
    for name, draft in round_total(span):
        _add_settlement(span, name, (draft,))


def _pay_deferred(span: VersionSpan) -> None:
    """What another tariff deferred is not forgotten."""
    if not any(isinstance(rule, BudgetBilling) for rule in span.document.settlement):
        _add_settlement(span, BUDGET_BILLING, price_deferred(span))


def _add_settlement(span: VersionSpan, identifier: str, drafts: Iterable[Draft]) -> None:
    for draft in drafts:
        span.add(identifier, "settlement", printed_name(identifier), draft)


def _check_grants(span: VersionSpan) -> None:
    """Hold the bill where money was paid into a bank that nothing would take it from."""
    known = {bank.name for bank in span.document.money_banks}
    for rule in span.document.settlement:
        if isinstance(rule, Prepaid) and span.applies(None, rule.only):
            known.add(PREPAID)
    for grant in span.context.grants:
        if grant.bank not in known:
            message = f"Money was paid into {grant.bank!r}, but the tariff has no such bank."
            raise HeldError(Hold("UNKNOWN_BANK", message, grant.bank))


def _price_charge(charge: Charge, span: VersionSpan, kind: str | None) -> None:
    if charge.in_advance:
        for draft in price_advance(charge, span):
            span.add(charge.id, kind or "fixed", charge.name or charge.id, draft)
        return
    if not span.applies(charge.unless, charge.only):
        return
    base = (charge.qty or "").partition(".")[0]
    if charge.on:
        drafts = price_once(charge, span)
    elif charge.included is not None:
        drafts = price_included(charge, charge.included, span)
    elif charge.times is not None:
        drafts = price_dynamic(charge, span)
    elif charge.steps:
        drafts = price_tiers(charge, span)
    elif any(rule.name == base for rule in span.document.determinants):
        drafts = price_usage(charge, span)
    else:
        drafts = price_fixed(charge, span)
    for draft in drafts:
        own = kind or kind_of(charge, draft.unit, span.document)
        span.add(charge.id, own, charge.name or charge.id, draft)


def _price_percent(percent: Percent, span: VersionSpan, kind: str) -> None:
    if span.applies(percent.unless, percent.only):
        for draft in price_percent(percent, span):
            span.add(percent.id, kind, percent.name or percent.id, draft)


def _price_minimum(minimum: Minimum, span: VersionSpan) -> None:
    for draft in price_minimum(minimum, span):
        span.add(minimum.id, "minimum", minimum.name or minimum.id, draft)
