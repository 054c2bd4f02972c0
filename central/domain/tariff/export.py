"""A document back as text, in the syntax it was loaded from; what is not said is left out."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from central.domain.tariff.calendar_rules import (
    DEFAULT_SCHEDULE,
    REST,
    CalendarRules,
    HolidayRule,
    Period,
    Schedule,
)
from central.domain.tariff.determinant_rules import (
    AllowanceDeterminant,
    CounterDeterminant,
    Determinant,
    FormulaDeterminant,
    MaxDeterminant,
    SumDeterminant,
)
from central.domain.tariff.document import (
    ChangeRules,
    Charge,
    CycleRules,
    EnergyBank,
    Minimum,
    MoneyBank,
    Percent,
    PriceRule,
    Series,
    TariffDocument,
    TrueUp,
)
from central.domain.tariff.expression import Binary, Call, Expression, Name, Number, Prior
from central.domain.tariff.load_determinants import BUILT_IN_INPUTS
from central.domain.tariff.price_rules import PriceTable, Step, TierRules

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Said = dict[str, Any]


def to_canonical_text(document: TariffDocument) -> str:
    """The document as JSON with no spaces: what a version's hash covers.

    Order is kept where it means something (charges, periods) and is that of the model elsewhere,
    so that only a change of content changes the text.
    """
    return json.dumps(to_source(document), separators=(",", ":"), ensure_ascii=True)


def to_source(document: TariffDocument) -> Said:
    """The document as nested mappings, lists and strings that `load_tariff` reads back."""
    said: Said = {"tariff": document.tariff}
    _put(said, "title", document.title)
    said["effective"] = document.effective.isoformat()
    said["zone"] = document.zone
    _put(said, "clock", document.clock, "wall")
    said["currency"] = {"code": document.currency.code, "digits": str(document.currency.digits)}
    _put(said, "quantities", {unit: str(digits) for unit, digits in document.quantities}, {})
    _put(said, "cycle", _cycle(document.cycle), {})
    _put(said, "on_change", _on_change(document.on_change), {})
    _put(said, "inputs", dict(document.inputs), {})
    _put(said, "needs", dict(document.needs), {})
    history = {
        entry.name: {"months": str(entry.months), "missing": entry.missing}
        for entry in document.history
    }
    _put(said, "calendar", _calendar(document.calendar), {})
    series: Said = {found.name: _series(found, document) for found in document.series}
    series |= {found.name: _price_series(found) for found in document.prices}
    _put(said, "series", series, {})
    _put(said, "determinants", {d.name: _determinant(d) for d in document.determinants}, {})
    _put(said, "state", history, {})
    said["charges"] = [_charge(charge) for charge in document.charges]
    riders = [_percent(r) if isinstance(r, Percent) else _charge(r) for r in document.riders]
    _put(said, "riders", riders, [])
    banks = {bank.name: _energy_bank(bank) for bank in document.energy_banks}
    banks |= {bank.name: _money_bank(bank) for bank in document.money_banks}
    _put(said, "banks", banks, {})
    _put(said, "minimums", [_minimum(minimum) for minimum in document.minimums], [])
    _put(said, "taxes", [_percent(tax) for tax in document.taxes], [])
    return said


def _put(said: Said, key: str, value: object, default: object = None) -> None:
    if value != default:
        said[key] = value


def _cycle(rules: CycleRules) -> Said:
    said: Said = {}
    if rules.full_days is not None:
        said["full_days"] = [str(bound) for bound in rules.full_days]
    normal = "cycle" if rules.normal_days is None else str(rules.normal_days)
    _put(said, "normal_days", normal, "30")
    _put(said, "daily", rules.daily, "days")
    return said


def _on_change(rules: ChangeRules) -> Said:
    said: Said = {}
    _put(said, "thresholds", rules.thresholds, "days_share")
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
    _put(said, "seasons", seasons, {})
    days: Said = {}
    for kind in rules.days:
        words = [_WEEKDAYS[number] for number in sorted(kind.weekdays)]
        words += ["holidays"] if kind.holidays else []
        days[kind.name] = [*words, REST] if kind.rest else words
    _put(said, "days", days, {})
    others: Said = {}
    for schedule in rules.schedules:
        if schedule.name == DEFAULT_SCHEDULE:
            said["periods"] = _schedule(schedule)
        else:
            others[schedule.name] = _schedule(schedule)
    _put(said, "schedules", others, {})
    return said


def _holidays(rule: HolidayRule) -> Said:
    said: Said = {}
    _put(said, "country", rule.country)
    _put(said, "subdivision", rule.subdivision)
    said["observed"] = "true" if rule.observed else "false"
    _put(said, "dates", [day.isoformat() for day in rule.dates], [])
    _put(said, "only", list(rule.only), [])
    return said


def _schedule(schedule: Schedule) -> Said:
    return {period.name: _period(period) for period in schedule.periods}


def _period(period: Period) -> object:
    if period.rules is None:
        return REST
    rules = []
    for rule in period.rules:
        said: Said = {}
        _put(said, "season", list(rule.seasons), [])
        _put(said, "days", list(rule.days), [])
        hours = [f"{_time(start)}-{_time(end)}" for start, end in rule.hours]
        _put(said, "at", hours, ["00:00-24:00"])
        rules.append(said)
    return rules


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _series(series: Series, document: TariffDocument) -> Said:
    text = _sum_text(series.terms)
    if series.factors:
        text = f"({text}) * {' * '.join(factor.name for factor in series.factors)}"
    said: Said = {"expr": text}
    _put(said, "factors", {factor.name: factor.source for factor in series.factors}, {})
    units = BUILT_IN_INPUTS | dict(document.inputs)
    units |= {found.name: found.unit for found in document.series}
    own = {units[name] for name, _ in series.terms}
    _put(said, "unit", series.unit, own.pop() if len(own) == 1 else None)
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


def _true_up(rule: TrueUp | None) -> Said | None:
    if rule is None:
        return None
    return {"month": str(rule.month), "pay": format(rule.pay, "f")}


def _energy_bank(bank: EnergyBank) -> Said:
    said: Said = {"unit": "kWh"}
    maps = {season: dict(pairs) for season, pairs in bank.map}
    _put(said, "map", maps.get("", maps), {})
    _put(said, "basis", bank.basis, "period")
    _put(said, "true_up", _true_up(bank.true_up))
    return said


def _money_bank(bank: MoneyBank) -> Said:
    said: Said = {"earn": bank.earn, "price": _prices(bank.price), "offsets": list(bank.offsets)}
    _put(said, "when", bank.when, "this_bill")
    _put(said, "true_up", _true_up(bank.true_up))
    if bank.expires_months is not None:
        said["expires_months"] = str(bank.expires_months)
    return said


def _determinant(determinant: Determinant) -> Said:
    said: Said = {}
    match determinant:
        case SumDeterminant():
            said["sum"] = determinant.series
            _put(said, "by", determinant.by, "")
            _put(said, "bank", determinant.bank)
            _put(said, "side", determinant.side, "both")
        case MaxDeterminant():
            said["max"] = determinant.series
            if determinant.window_s is not None:
                said["window"] = f"{determinant.window_s // 60}m"
            _put(said, "mode", determinant.mode, "block")
            _put(said, "by", determinant.by, "")
            _put(said, "estimated", determinant.estimated, "exclude")
            _put(said, "per", "day" if determinant.daily else "bill", "bill")
            _put(said, "during", determinant.during, None)
        case FormulaDeterminant():
            said["expr"] = formula_text(determinant.expr)
            _put(said, "unit", determinant.unit, "")
        case AllowanceDeterminant():
            said["per_day"] = _prices(determinant.per_day)
            said["unit"] = determinant.unit
        case CounterDeterminant():
            said["counter"] = determinant.counter
    return said


def formula_text(expression: Expression) -> str:
    """A formula as text that parses to the same tree."""
    match expression:
        case Number(value):
            return _decimal_text(value)
        case Name(name):
            return name
        case Binary(operator, left, right):
            return f"({formula_text(left)} {operator} {formula_text(right)})"
        case Call(function, arguments):
            return f"{function}({', '.join(map(formula_text, arguments))})"
        case Prior(name, months, percent, now):
            span = f"{months[0]}-{months[-1]}"
            which = "current" if now else "prior"
            return f"{which}({name}, months: {span}, pct: {_decimal_text(percent)})"


def _decimal_text(value: Fraction) -> str:
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    whole = str(int(value * 10**digits)).rjust(digits + 1, "0")
    return f"{whole[:-digits]}.{whole[-digits:]}" if digits else whole


def _prices(table: PriceTable) -> object:
    if len(table.rows) == 1 and table.rows[0][0] == ("", ""):
        return format(table.rows[0][1], "f")
    said: Said = {}
    for (season, label), price in table.rows:
        text = format(price, "f")
        if season and label:
            said.setdefault(season, {})[label] = text
        else:
            said[season or label] = text
    return said


def _charge(charge: Charge) -> Said:
    said: Said = {"id": charge.id}
    _put(said, "name", charge.name)
    _put(said, "qty", charge.qty)
    if charge.price is not None:
        said["price"] = _prices(charge.price)
    _put(said, "per", charge.per)
    _put(said, "prorate", charge.prorate, "cycle")
    _put(said, "tiers", _tiers(charge.tiers), {})
    if charge.steps:
        seasonal = {season: [_step(step) for step in steps] for season, steps in charge.steps}
        said["steps"] = seasonal.get("", seasonal)
    _put(said, "times", charge.times)
    _put(said, "unless", charge.unless)
    _put(said, "only", charge.only)
    return said


def _tiers(rules: TierRules) -> Said:
    said: Said = {}
    _put(said, "kind", rules.kind, "graduated")
    _put(said, "style", rules.style, "prorata")
    _put(said, "scale", rules.scale, "days_share")
    if rules.size is not None:
        said["size"] = format(rules.size, "f")
    return said


def _step(step: Step) -> Said:
    said: Said = {"to": None if step.to is None else format(step.to, "f")}
    _put(said, "unit", step.unit)
    _put(said, "of", step.of)
    if step.price is not None:
        said["price"] = _prices(step.price)
    _put(said, "steps", [_step(inner) for inner in step.steps], [])
    return said


def _percent(percent: Percent) -> Said:
    said: Said = {"id": percent.id}
    _put(said, "name", percent.name)
    said["percent"] = format(percent.percent, "f")
    said["of"] = list(percent.of)
    _put(said, "category", percent.category)
    _put(said, "unless", percent.unless)
    return said


def _minimum(minimum: Minimum) -> Said:
    said: Said = {"id": minimum.id}
    _put(said, "name", minimum.name)
    said["of"] = list(minimum.of)
    said["amount"] = format(minimum.amount, "f")
    _put(said, "qty", minimum.qty)
    _put(said, "per", minimum.per, "month")
    _put(said, "prorate", minimum.prorate, "cycle")
    _put(said, "basis", minimum.basis, "before_credits")
    if minimum.year_end != 12:  # noqa: PLR2004 - December is the default
        said["year_end"] = str(minimum.year_end)
    return said
