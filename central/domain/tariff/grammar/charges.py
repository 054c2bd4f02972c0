"""Charges, percents and minimums: the lines of a bill."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from central.domain.tariff.document import Charge, Minimum, Percent
from central.domain.tariff.grammar.beginning import BEGINNING
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import (
    FLAG,
    NUMBER,
    TEXT,
    TEXTS,
    Kind,
    number,
    one_of,
    read_comma_texts,
    whole,
)
from central.domain.tariff.grammar.names import (
    CONDITIONS,
    COUNT,
    LINE_ID,
    LINES_ABOVE,
    NUMERIC_FACT,
    PRICE_SERIES,
    no_lines,
)
from central.domain.tariff.grammar.node import Scalar
from central.domain.tariff.grammar.prices import PRICES, SEASONAL_STEPS, TIERS
from central.domain.tariff.grammar.record import Record, Row, variants
from central.domain.tariff.grammar.scope import Quantity
from central.domain.tariff.grammar.state import OWNER, SHARES, YEAR_ENDS
from central.domain.tariff.grammar.without_effect import check_charge, check_minimum
from central.domain.tariff.input_units import POWER
from central.domain.tariff.levels import is_level
from central.domain.tariff.price_rules import IncludedUnits, Step, TierRules
from central.domain.tariff.refusal import Code

_TEXT_FACTS = frozenset({"bool", "text"})


def _read_quantity(cursor: Cursor) -> str:
    text = cursor.node.text if isinstance(cursor.node, Scalar) else ""
    base, _, label = text.partition(".")
    if base in cursor.scope.units:
        _check_period(base, label, cursor)
    else:
        _check_number(text, cursor)
    return text


def _check_period(base: str, label: str, cursor: Cursor) -> None:
    if label not in {"", "total"} and label not in cursor.scope.labels(cursor.scope.splits[base]):
        message = f"{base!r} has no period {label!r}."
        cursor.refuse(Code.UNKNOWN_PERIOD, message, "Use `.total`.")


def _check_number(text: str, cursor: Cursor) -> None:
    """What is not a determinant is a fact that is a number, or a series that prices meet."""
    scope = cursor.scope
    is_number = scope.needs.get(text, "bool") not in _TEXT_FACTS
    if is_number or (text in scope.series and cursor.record.has("times")):
        return
    base = text.partition(".")[0]
    if base in scope.needs:
        message = f"The fact {base!r} is not a number."
        cursor.refuse(Code.WRONG_FACT_KIND, message, "Give it a unit.")
    message = f"{text!r} is not a determinant and not a numeric fact."
    cursor.refuse(Code.UNKNOWN_DETERMINANT, message, "Define it in `determinants`.")


def _price_by_quantity(charge: Cursor) -> None:
    name, scope = charge.values["qty"] or "", charge.scope
    unit = scope.units.get(name.partition(".")[0]) or scope.needs.get(name, "")
    charge.quantity = Quantity(name, unit, scope.splits.get(name, ""))


def _check_one_way_to_price(charge: Cursor) -> None:
    ways = [way for way in ("price", "steps", "times", "rate") if charge.has(way)]
    if not ways:
        charge.refuse(Code.MISSING_PRICE, "The charge has no price.", "Add `price` or `steps`.")
    if len(ways) > 1:
        message = "The charge is priced in two ways."
        charge.refuse(Code.CONFLICT, message, "Keep one of price, rate, steps and times.")
    if not charge.has("qty") and ways not in (["price"], ["rate"]):
        charge.refuse(Code.MISSING_KEY, "Steps and price series need a quantity.", "Add `qty`.")
    timed = charge.has("per") or charge.has("on")
    if not charge.has("qty") and not timed:
        message = "A fixed price needs its unit of time."
        charge.refuse(Code.MISSING_KEY, message, "Add `per: month`.")
    if _is_fact(charge) and ways in (["price"], ["rate"]) and not timed:
        message = "The price of what a fact says needs its unit of time."
        charge.refuse(Code.MISSING_KEY, message, "Add `per: month`, or dates as `on`.")


def _is_fact(charge: Cursor) -> bool:
    name = charge.values["qty"]
    return name is not None and name.partition(".")[0] in charge.scope.needs


def _read_dates(cursor: Cursor) -> tuple[str, ...]:
    """Dates of one year, or of every."""
    dates = read_comma_texts(cursor)
    for text in dates:
        try:
            date.fromisoformat(f"2024{text[1:]}" if text[:2] == "--" else text)
        except ValueError:
            message = f"{text!r} is not a date."
            cursor.refuse(Code.NOT_A_DATE, message, "Write 2026-07-01, or --07-01 of every year.")
    return dates


def _check_dates(charge: Cursor) -> None:
    if not charge.values["on"]:
        return
    for key in ("per", "prorate", "steps", "times"):
        if charge.has(key):
            message = f"What is charged once on a date has no `{key}`."
            charge.field(key).refuse(
                Code.CONFLICT, message, "Write `price` and, if need be, `qty`."
            )


_UNITS = number(0, None, "The units are below zero.", "Write zero or more.")


def _check_rollover(included: Cursor) -> None:
    if included.values["most"] is not None and included.values["rollover_months"] is None:
        message = "`most` bounds what is carried on, but nothing is."
        included.field("most").refuse(Code.CONFLICT, message, "Add `rollover_months: 1`.")


INCLUDED = Record(
    IncludedUnits,
    (
        Row("per_month", _UNITS, required=True),
        Row("times", COUNT),
        Row("rollover_months", whole(1, 120)),
        Row("most", _UNITS),
        Row("prorate", one_of("cycle", "none"), default="cycle"),
    ),
    checks=(_check_rollover,),
)


def _check_included(charge: Cursor) -> None:
    """Units are included in what is measured or counted, at one price beyond them."""
    if charge.values["included"] is None:
        return
    scope, base = charge.scope, (charge.values["qty"] or "").partition(".")[0]
    price = charge.values["price"]
    if base not in scope.units or is_level(base, tuple(scope.determinants.values())):
        message = "Units are included in a sum of energy or events, and in nothing else."
        charge.field("included").refuse(Code.CONFLICT, message, "Name a determinant as `qty`.")
    if price is None or price.by_period or charge.values["per"] or charge.values["on"]:
        message = "What is beyond the units included has one price per unit and season."
        charge.field("included").refuse(Code.CONFLICT, message, "Write one `price`, without `per`.")


def _check_advance(charge: Cursor) -> None:
    if not charge.values["in_advance"]:
        return
    is_fact = charge.values["qty"] is None or charge.values["qty"] in charge.scope.needs
    if charge.values["per"] is None or charge.values["on"] or not is_fact:
        message = "What is charged in advance is a price per time, once or per unit of a fact."
        remedy = "Write `per: month`, and a fact of `needs` as `qty`."
        charge.field("in_advance").refuse(Code.CONFLICT, message, remedy, line=charge.line)


DATES = Kind(_read_dates, list, TEXTS.shape)


def _check_days_are_prorated(charge: Cursor) -> None:
    if charge.values["per"] == "year_by_days" and charge.values["prorate"] == "none":
        message = "A price per year by days is charged for its days, and never whole."
        field = charge.field("prorate")
        field.refuse(Code.CONFLICT, message, "Drop `prorate`, or write `per: year`.")


def _check_tiers_have_steps(charge: Cursor) -> None:
    if charge.has("tiers") and not charge.values["steps"]:
        message = "`tiers` says how steps apply, but there are no steps."
        line = charge.field("tiers").line
        charge.refuse(Code.CONFLICT, message, "Add `steps` or drop `tiers`.", line=line)


def _steps_of(charge: Cursor) -> list[Step]:
    return [step for _, steps in charge.values["steps"] for step in steps]


def _check_one_amount(charge: Cursor) -> None:
    """The one amount of a stair cannot differ by period, unless each period has its own."""
    tiers, unit = charge.values["tiers"], charge.scope.units.get(charge.quantity.name, "")
    is_power = unit in POWER.values() or unit.endswith("/h")
    if tiers.kind != "stair" or tiers.style == "per_period" or is_power:
        return
    prices = [step.price for step in _steps_of(charge)]
    if any(price is not None and price.by_period for price in prices):
        message = "A stair-step has one amount, but the prices differ by period."
        remedy = "Write `style: per_period`, or one price."
        charge.field("steps").refuse(Code.CONFLICT, message, remedy, line=charge.line)


def _check_steps_of_days(charge: Cursor) -> None:
    """Steps on the sum of daily peaks are steps of each day's peak."""
    rule = charge.scope.determinants.get(charge.quantity.name.partition(".")[0])
    if not charge.values["steps"] or not getattr(rule, "daily", False):
        return
    kind = charge.values["tiers"].kind
    if kind not in {"graduated", "volume"}:
        message = f"{kind!r} is not a kind of steps for the peaks of every day."
        remedy = "Use graduated or volume."
        charge.field("tiers").refuse(Code.CONFLICT, message, remedy, line=charge.line)
    for step in _steps_of(charge):
        if step.to is not None and step.unit.endswith("/day"):
            message = f"A bound in {step.unit} cannot bound the peak of one day."
            charge.field("steps").refuse(Code.TIER_UNIT, message, "Use kW.", line=charge.line)


CHARGE = Record(
    Charge,
    (
        Row("id", LINE_ID, required=True),
        Row("name", TEXT),
        Row("qty", Kind(_read_quantity, str, TEXT.shape), then=_price_by_quantity, ends=True),
        Row("price", PRICES),
        Row("per", one_of("day", "month", "year", "year_by_days")),
        Row("prorate", one_of("cycle", "none"), default="cycle"),
        Row("tiers", TIERS, default=TierRules()),
        Row("steps", SEASONAL_STEPS, default=()),
        Row("times", PRICE_SERIES),
        *CONDITIONS,
        Row("on", DATES, default=()),
        Row("in_advance", FLAG, default=False),
        Row("included", INCLUDED),
        Row("rate", NUMERIC_FACT),
    ),
    checks=(
        _check_dates,
        _check_advance,
        _check_included,
        _check_one_way_to_price,
        _check_days_are_prorated,
        _check_tiers_have_steps,
        _check_one_amount,
        _check_steps_of_days,
        check_charge,
    ),
    ref="charge",
)


def _has_own_percent(percent: Cursor) -> bool:
    return not percent.has("rate") or percent.has("percent")


def _own_percent(percent: Percent) -> Decimal | None:
    return percent.percent if percent.rate is None else None


def _percent_of_table(percent: Cursor) -> None:
    """A percent that a table gives is known when a bill is rated."""
    if percent.values["percent"] is None:
        percent.values["percent"] = Decimal(0)


def _check_one_percent(percent: Cursor) -> None:
    if percent.has("percent") and percent.has("rate"):
        message = "It has its percent in two ways."
        percent.refuse(Code.CONFLICT, message, "Keep `percent` or `rate`.")


_PERCENT_ROWS = (
    Row("id", LINE_ID, required=True),
    Row("name", TEXT),
    Row("percent", NUMBER, required=True, when=_has_own_percent, get=_own_percent),
    Row("of", LINES_ABOVE, required=True, absent=no_lines),
    Row("category", TEXT),
    *CONDITIONS,
)

PERCENT = Record(
    Percent,
    (*_PERCENT_ROWS, Row("rate", NUMERIC_FACT, then=_percent_of_table)),
    checks=(_check_one_percent,),
    ref="percent",
)


def _check_point(tax: Cursor) -> None:
    """Which day's rate a tax has is law, so nothing is taken for granted."""
    if not tax.has("point"):
        message = f"The tax {tax.values['id']!r} does not say which day's rate it has."
        remedy = (
            "Add `point: interval` for each day's own, `period_end` for the last's, `issue` or"
            " `due` for that of the day on which the bill is issued or due."
        )
        tax.note(Code.NO_TAX_POINT, message, remedy)


_POINT = one_of("interval", "period_end", "issue", "due")
TAX = Record(
    Percent,
    (
        *_PERCENT_ROWS,
        Row("point", _POINT, published=True),
        Row("rate", NUMERIC_FACT, then=_percent_of_table),
    ),
    checks=(_check_one_percent, _check_point),
    ref="tax",
)


def _percent_or_charge(cursor: Cursor) -> Record:
    is_percent = cursor.has("percent") or (cursor.has("rate") and cursor.has("of"))
    return PERCENT if is_percent else CHARGE


RIDER = variants(PERCENT, CHARGE, pick=_percent_or_charge)


def _word_of_year(minimum: Minimum) -> str:
    return "calendar" if minimum.begins is None else "contract"


def _beginning(minimum: Minimum) -> object:
    return minimum.begins


def _is_contract(minimum: Cursor) -> bool:
    return bool(minimum.values["year"] == "contract")


def _is_yearly(minimum: Cursor) -> bool:
    return bool(minimum.values["per"] == "year")


def _end_with_true_up(minimum: Cursor) -> None:
    month = minimum.scope.true_up_month
    if minimum.values["year"] != "true_up":
        return
    if month is None:
        message = "The year ends with a true-up, but the banks have no one month for it."
        field = minimum.field("year")
        field.refuse(Code.CONFLICT, message, "Write `year_end`.", line=minimum.line)
    minimum.values["year_end"] = month


MINIMUM = Record(
    Minimum,
    (
        Row("id", LINE_ID, required=True),
        Row("name", TEXT),
        Row("of", LINES_ABOVE, required=True, absent=no_lines),
        Row(
            "amount",
            number(0, None, "The minimum is below zero.", "Write an amount above zero."),
            required=True,
        ),
        Row("qty", COUNT),
        Row("per", one_of("month", "year"), default="month"),
        Row("prorate", one_of("cycle", "none"), default="cycle"),
        Row("basis", one_of("before_credits", "after_credits"), default="before_credits"),
        Row(
            "year",
            one_of("calendar", "contract", "true_up"),
            default="calendar",
            in_model=False,
            get=_word_of_year,
        ),
        Row("year_end", whole(1, 12), default=12),
        Row("begins", BEGINNING, required=True, when=_is_contract, get=_beginning),
        Row("ends", YEAR_ENDS, default="period", when=_is_yearly),
        Row("share", SHARES, default="days", when=_is_yearly),
        OWNER,
        *CONDITIONS,
    ),
    checks=(_end_with_true_up, check_minimum),
    ref="minimum",
)
