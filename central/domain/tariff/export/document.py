"""A document back as text, in the syntax it was loaded from; what is not said is left out."""

from __future__ import annotations

import json
from fractions import Fraction

from central.domain.tariff.calendar_rules import (
    DEFAULT_SCHEDULE,
    REST,
    CalendarRules,
    HolidayRule,
    Period,
    Schedule,
)
from central.domain.tariff.document import (
    ChangeRules,
    Charge,
    CycleRules,
    Minimum,
    Percent,
    PriceRule,
    Series,
    TariffDocument,
)
from central.domain.tariff.export.credits import commitment, energy_bank, money_bank, settlement
from central.domain.tariff.export.determinants import determinant
from central.domain.tariff.export.prices import Said, prices, put, seasonal_steps, tiers
from central.domain.tariff.load.determinants import BUILT_IN_INPUTS

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def to_canonical_text(document: TariffDocument) -> str:
    """The document as JSON with no spaces: what a version's hash covers.

    Order is kept where it means something (charges, periods) and is that of the model elsewhere,
    so that only a change of content changes the text.
    """
    return json.dumps(to_source(document), separators=(",", ":"), ensure_ascii=True)


def to_source(document: TariffDocument) -> Said:
    """The document as nested mappings, lists and strings that `load_tariff` reads back."""
    said: Said = {"tariff": document.tariff}
    put(said, "title", document.title)
    said["effective"] = document.effective.isoformat()
    said["zone"] = document.zone
    put(said, "clock", document.clock, "wall")
    said["currency"] = {"code": document.currency.code, "digits": str(document.currency.digits)}
    put(said, "quantities", {unit: str(digits) for unit, digits in document.quantities}, {})
    put(said, "cycle", _cycle(document.cycle), {})
    put(said, "on_change", _on_change(document.on_change), {})
    put(said, "inputs", dict(document.inputs), {})
    put(said, "needs", dict(document.needs), {})
    history = {
        entry.name: {"months": str(entry.months), "missing": entry.missing}
        for entry in document.history
    }
    put(said, "calendar", _calendar(document.calendar), {})
    series: Said = {found.name: _series(found, document) for found in document.series}
    series |= {found.name: _price_series(found) for found in document.prices}
    put(said, "series", series, {})
    put(said, "determinants", {d.name: determinant(d) for d in document.determinants}, {})
    put(said, "state", history, {})
    said["charges"] = [_charge(charge) for charge in document.charges]
    riders = [_percent(r) if isinstance(r, Percent) else _charge(r) for r in document.riders]
    put(said, "riders", riders, [])
    banks = {bank.name: energy_bank(bank) for bank in document.energy_banks}
    banks |= {bank.name: money_bank(bank) for bank in document.money_banks}
    put(said, "banks", banks, {})
    put(said, "minimums", [_minimum(minimum) for minimum in document.minimums], [])
    put(said, "commitments", [commitment(found) for found in document.commitments], [])
    put(said, "taxes", [_percent(tax) for tax in document.taxes], [])
    put(said, "settlement", [settlement(found) for found in document.settlement], [])
    return said


def _cycle(rules: CycleRules) -> Said:
    said: Said = {}
    if rules.full_days is not None:
        said["full_days"] = [str(bound) for bound in rules.full_days]
    normal = "cycle" if rules.normal_days is None else str(rules.normal_days)
    put(said, "normal_days", normal, "30")
    put(said, "daily", rules.daily, "days")
    return said


def _on_change(rules: ChangeRules) -> Said:
    said: Said = {}
    put(said, "thresholds", rules.thresholds, "days_share")
    put(said, "demand", rules.demand, "segment_peak_days_share")
    return said


def _calendar(rules: CalendarRules) -> Said:
    said: Said = {}
    if rules.holidays is not None:
        said["holidays"] = _holidays(rules.holidays)
    seasons: Said = {}
    for season in rules.seasons:
        ranges = [
            f"{first[0]:02}-{first[1]:02}..{last[0]:02}-{last[1]:02}"
            for first, last in season.ranges or ()
        ]
        seasons[season.name] = REST if season.ranges is None else ranges
    put(said, "seasons", seasons, {})
    days: Said = {}
    for kind in rules.days:
        words = [_WEEKDAYS[number] for number in sorted(kind.weekdays)]
        words += ["holidays"] if kind.holidays else []
        days[kind.name] = [*words, REST] if kind.rest else words
    put(said, "days", days, {})
    others: Said = {}
    for schedule in rules.schedules:
        if schedule.name == DEFAULT_SCHEDULE:
            said["periods"] = _schedule(schedule)
        else:
            others[schedule.name] = _schedule(schedule)
    put(said, "schedules", others, {})
    return said


def _holidays(rule: HolidayRule) -> Said:
    said: Said = {}
    put(said, "country", rule.country)
    put(said, "subdivision", rule.subdivision)
    said["observed"] = "true" if rule.observed else "false"
    put(said, "dates", [day.isoformat() for day in rule.dates], [])
    put(said, "only", list(rule.only), [])
    return said


def _schedule(schedule: Schedule) -> Said:
    return {period.name: _period(period) for period in schedule.periods}


def _period(period: Period) -> object:
    if period.rules is None:
        return REST
    rules = []
    for rule in period.rules:
        said: Said = {}
        put(said, "season", list(rule.seasons), [])
        put(said, "days", list(rule.days), [])
        hours = [f"{_time(start)}-{_time(end)}" for start, end in rule.hours]
        put(said, "at", hours, ["00:00-24:00"])
        rules.append(said)
    return rules


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _series(series: Series, document: TariffDocument) -> Said:
    text = _sum_text(series.terms)
    if series.factors:
        text = f"({text}) * {' * '.join(factor.name for factor in series.factors)}"
    said: Said = {"expr": text}
    put(said, "factors", {factor.name: factor.source for factor in series.factors}, {})
    units = BUILT_IN_INPUTS | dict(document.inputs)
    units |= {found.name: found.unit for found in document.series}
    own = {units[name] for name, _ in series.terms}
    put(said, "unit", series.unit, own.pop() if len(own) == 1 else None)
    return said


def _price_series(rule: PriceRule) -> Said:
    said: Said = {"price": rule.price}
    if rule.step_s is not None:
        said["step"] = f"{rule.step_s // 60}m"
    return said


def _sum_text(terms: tuple[tuple[str, Fraction], ...]) -> str:
    parts = []
    for name, factor in terms:
        sign = "-" if factor < 0 else "+"
        size = abs(factor)
        over = "" if size.denominator == 1 else f" / {size.denominator}"
        parts.append(f"{sign} {size.numerator} * {name}{over}")
    return "0 " + " ".join(parts)


def _charge(charge: Charge) -> Said:
    said: Said = {"id": charge.id}
    put(said, "name", charge.name)
    put(said, "qty", charge.qty)
    if charge.price is not None:
        said["price"] = prices(charge.price)
    put(said, "per", charge.per)
    put(said, "prorate", charge.prorate, "cycle")
    put(said, "tiers", tiers(charge.tiers), {})
    if charge.steps:
        said["steps"] = seasonal_steps(charge.steps)
    put(said, "times", charge.times)
    put(said, "unless", charge.unless)
    put(said, "only", charge.only)
    return said


def _percent(percent: Percent) -> Said:
    said: Said = {"id": percent.id}
    put(said, "name", percent.name)
    said["percent"] = format(percent.percent, "f")
    said["of"] = list(percent.of)
    put(said, "category", percent.category)
    put(said, "unless", percent.unless)
    return said


def _minimum(minimum: Minimum) -> Said:
    said: Said = {"id": minimum.id}
    put(said, "name", minimum.name)
    said["of"] = list(minimum.of)
    said["amount"] = format(minimum.amount, "f")
    put(said, "qty", minimum.qty)
    put(said, "per", minimum.per, "month")
    put(said, "prorate", minimum.prorate, "cycle")
    put(said, "basis", minimum.basis, "before_credits")
    if minimum.year_end != 12:  # noqa: PLR2004 - December is the default
        said["year_end"] = str(minimum.year_end)
    return said
