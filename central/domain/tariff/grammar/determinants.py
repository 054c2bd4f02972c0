"""Determinants: the numbers that prices apply to."""

from __future__ import annotations

from typing import cast

from central.domain.tariff.determinant_rules import (
    CARRIED,
    Adjustment,
    AllowanceDeterminant,
    Baseline,
    CounterDeterminant,
    Determinant,
    EventDeterminant,
    ExcessDeterminant,
    FormulaDeterminant,
    History,
    MaxDeterminant,
    RebateDeterminant,
    SumDeterminant,
)
from central.domain.tariff.expression import Prior, priors_in
from central.domain.tariff.grammar.beginning import BEGINNING
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.events import EVENTS
from central.domain.tariff.grammar.excess import EXCESS
from central.domain.tariff.grammar.formula import FORMULA
from central.domain.tariff.grammar.kind import (
    NAME,
    TEXT,
    Kind,
    minutes,
    number,
    one_of,
    read_name,
    whole,
    words,
)
from central.domain.tariff.grammar.names import BANK, HOURS, SCHEDULE, SERIES
from central.domain.tariff.grammar.prices import PRICES
from central.domain.tariff.grammar.record import Record, Row, named, variants
from central.domain.tariff.grammar.schedule import borders_of
from central.domain.tariff.grammar.state import OWNER
from central.domain.tariff.quantity import unit_of_rule
from central.domain.tariff.refusal import Code


def _check_bank_or_side(total: Cursor) -> None:
    if total.values["bank"] is not None and total.values["side"] != "both":
        message = "A bank already takes what is below zero."
        total.refuse(Code.CONFLICT, message, "Drop `side`.")


def _check_inside_or_outside(total: Cursor) -> None:
    if total.values["during"] is not None and total.values["outside"] is not None:
        message = "Only one of the keys that select intervals by a series is allowed."
        total.refuse(Code.CONFLICT, message, "Keep one of them.")


def _check_side_of_intervals(total: Cursor) -> None:
    if total.values["each"] == "interval" and total.values["side"] == "both":
        message = "Both sides of every interval are the sum itself."
        total.refuse(Code.CONFLICT, message, "Add `side: use` or drop `each`.")


def _check_netting(total: Cursor) -> None:
    """What nets says over what; what does not says nothing of it."""
    values = total.values
    nets = values["bank"] is not None or values["side"] != "both"
    if values["netting"] and not nets:
        message = f"{total.key!r} has neither a bank nor a side, and so nets nothing."
        total.refuse(Code.CONFLICT, message, "Drop `netting`, or add `bank` or `side`.")
    if (nets and not values["netting"]) or total.has("each"):
        message = f"{total.key!r} does not name its netting period."
        remedy = (
            "Write `netting: interval`, month, bill, season or year; it takes the place of `each`."
        )
        total.note(Code.NO_NETTING_PERIOD, message, remedy)
    if values["netting"] in CARRIED and values["bank"] is not None:
        message = f"A {values['netting']} of {total.key!r} carries what is left, as a bank does."
        total.refuse(Code.CONFLICT, message, "Net over the bill, or give it a `side` and no bank.")
    if values["netting"] == "season" and len(total.scope.calendar.seasons) <= 1:
        message = f"{total.key!r} nets over a season, and the calendar has none that ends."
        total.refuse(Code.CONFLICT, message, "Add `seasons` to the calendar, or net over a year.")


def _nets_a_year(total: Cursor) -> bool:
    return bool(total.values["netting"] == "year")


SUM = Record(
    SumDeterminant,
    (
        Row("sum", SERIES, required=True, attribute="series"),
        Row("by", SCHEDULE, default=""),
        Row("bank", BANK),
        Row("side", one_of("both", "use", "surplus"), default="both"),
        Row("each", one_of("bill", "interval"), default="bill"),
        Row("during", HOURS),
        Row("outside", HOURS),
        Row("netting", one_of("interval", "month", "bill", "season", "year"), default=""),
        Row("begins", BEGINNING, required=True, when=_nets_a_year),
    ),
    checks=(
        _check_bank_or_side,
        _check_inside_or_outside,
        _check_side_of_intervals,
        _check_netting,
    ),
    named=True,
)


def _check_daily_peaks(peak: Cursor) -> None:
    if peak.values["per"] and peak.values["meters"] == "each":
        message = "The peaks of every day are those of all meters together."
        peak.refuse(Code.CONFLICT, message, "Drop `per` or `meters`.")
    if peak.values["mean_of"] and (peak.values["per"] or peak.values["meters"] == "each"):
        message = "The mean of the highest days is that of all meters together, once a bill."
        peak.refuse(Code.CONFLICT, message, "Drop `mean_of`, or `per` and `meters`.")


def _is_split_window(peak: Cursor) -> bool:
    return bool(peak.values["by"]) and peak.values["window"] is not None


def _check_windows_fit(peak: Cursor) -> None:
    """Every window lies inside one period, or the tariff says for which of them it counts."""
    window_s, values = peak.values["window"], peak.values
    if not _is_split_window(peak) or values["astride"]:
        return
    borders = borders_of(peak.scope.calendar.schedule(values["by"]))
    if values["mode"] == "rolling":
        message = f"Rolling windows of {peak.key!r} lie in two periods of {values['by']!r}."
    elif crossed := [minute for minute in sorted(borders) if minute * 60 % window_s]:
        at = f"{crossed[0] // 60:02}:{crossed[0] % 60:02}"
        message = f"A window of {peak.key!r} lies across {at}, where a period changes."
    else:
        return
    remedy = "Add `astride: first`, last, each or none: the period that it counts for."
    peak.note(Code.WINDOW_ASTRIDE, message, remedy)


MAX = Record(
    MaxDeterminant,
    (
        Row("max", SERIES, required=True, attribute="series"),
        Row("window", minutes("window"), attribute="window_s"),
        Row("mode", one_of("block", "rolling"), default="block"),
        Row("by", SCHEDULE, default=""),
        Row("estimated", one_of("exclude", "include"), default="exclude"),
        Row("per", words({"bill": False, "day": True}), default=False, attribute="daily"),
        Row("during", HOURS),
        Row("meters", one_of("together", "each"), default="together"),
        Row(
            "astride",
            one_of("first", "last", "each", "none"),
            default="",
            when=_is_split_window,
        ),
        Row("mean_of", whole(1, 31)),
    ),
    checks=(_check_daily_peaks, _check_windows_fit),
    named=True,
)


def _unit_of_allowance(allowance: Cursor) -> None:
    allowance.values["unit"] = allowance.values["unit"] or "kWh"


ALLOWANCE = Record(
    AllowanceDeterminant,
    (
        Row("per_day", PRICES, required=True),
        Row("unit", TEXT, default="kWh", always=True, then=_unit_of_allowance),
    ),
    named=True,
)


def _read_counter(cursor: Cursor) -> str:
    name = read_name(cursor)
    if cursor.scope.needs.get(name, name) in {"bool", "text"}:
        message = f"The fact {name!r} is not a number."
        cursor.refuse(Code.WRONG_FACT_KIND, message, "Give it a unit.", line=cursor.record.line)
    return name


COUNTER = Record(
    CounterDeterminant,
    (
        Row("counter", Kind(_read_counter, str, NAME.shape), required=True),
        Row("average", one_of("days"), in_model=False),
    ),
    named=True,
)

_CAP = number(0, 100, "A cap is a share from 0 to 100 %.", "Write 0 to 100.")
ADJUSTMENT = Record(
    Adjustment,
    (
        Row("minutes", whole(1, 1440), required=True),
        Row("gap", whole(0, 1440), default=0, always=True),
        Row("cap", _CAP, required=True),
    ),
)


def _pick_all_days(baseline: Cursor) -> None:
    values = baseline.values
    values["pick"] = values["days"] if values["pick"] is None else values["pick"]
    if values["pick"] > values["days"]:
        message = f"{values['pick']} of {values['days']} days cannot be picked."
        field = baseline.field("pick")
        field.refuse(Code.OUT_OF_RANGE, message, "Pick fewer.", line=baseline.line)


BASELINE = Record(
    Baseline,
    (
        Row("days", whole(1, 60), required=True),
        Row("pick", whole(1, 60), then=_pick_all_days),
        Row("rank", one_of("highest", "lowest", "latest"), default="highest"),
        Row("like", one_of("day_type", "any"), default="day_type"),
        Row("reach", whole(1, 366), default=60, always=True),
        Row("adjust", ADJUSTMENT),
    ),
)

REBATE = Record(
    RebateDeterminant,
    (
        Row("rebate", SERIES, required=True, attribute="series"),
        Row("during", HOURS, required=True),
        Row("baseline", BASELINE, required=True),
        Row("floor", one_of("event", "interval", "none"), default="event"),
    ),
    named=True,
)

_BY_KEY = {
    "sum": SUM,
    "max": MAX,
    "excess": EXCESS,
    "expr": FORMULA,
    "per_day": ALLOWANCE,
    "counter": COUNTER,
    "rebate": REBATE,
    "events": EVENTS,
}


def _of_key(cursor: Cursor) -> Record:
    """The one construct whose first key stands there."""
    if cursor.key in cursor.scope.computed or cursor.key in cursor.scope.needs:
        message = f"{cursor.key!r} is already a series or a fact."
        cursor.refuse(Code.DUPLICATE_NAME, message, "Rename it.")
    cursor.fields()
    keys = [key for key in _BY_KEY if cursor.has(key)]
    if len(keys) != 1:
        code = Code.CONFLICT if keys else Code.MISSING_KEY
        remedy = f"Use one of {', '.join(_BY_KEY)}."
        cursor.refuse(code, "A determinant has exactly one kind.", remedy)
    return _BY_KEY[keys[0]]


_ANY = variants(*_BY_KEY.values(), pick=_of_key, ref="determinant")


def _read_determinant(cursor: Cursor) -> Determinant:
    rule = cast("Determinant", _ANY.read(cursor))
    scope = cursor.scope
    if isinstance(rule, EventDeterminant) and rule.field:
        labels = frozenset(rule.values) | ({rule.other} if rule.other else frozenset())
        scope.fields[_split_of(rule)] = labels
    scope.determinants[rule.name] = rule
    unit = unit_of_rule(rule, scope.series, scope.needs)
    scope.units[rule.name], scope.splits[rule.name] = unit, _split_of(rule)
    return rule


def _split_of(rule: Determinant) -> str:
    match rule:
        case EventDeterminant() if rule.field:
            return f"{rule.name} by {rule.field}"
        case SumDeterminant() | MaxDeterminant() | ExcessDeterminant() | EventDeterminant():
            return rule.by
        case _:
            return ""


DETERMINANT = Kind(_read_determinant, _ANY.write, _ANY.shape, ref=_ANY.ref)
DETERMINANTS = named(DETERMINANT, alone=True)


def _check_determinant(history: Cursor) -> None:
    if history.key not in history.scope.units:
        message = f"{history.key!r} is not a determinant."
        history.refuse(Code.UNKNOWN_DETERMINANT, message, "Define it first.")


HISTORY = Record(
    History,
    (
        Row("months", whole(1, 60), default=12, always=True),
        Row("missing", one_of("ignore", "hold"), default="ignore", always=True),
        Row("by", one_of("period", "calendar"), default="period"),
        OWNER,
    ),
    checks=(_check_determinant,),
    named=True,
)


def check_peaks_are_kept(document: Cursor) -> None:
    """What is kept is a month's peak or plain sum, and what `prior` or `mean` reads is kept."""
    rules = document.scope.determinants
    histories = [entry.name for entry in document.values["state"]]
    for name in histories:
        rule = rules[name]
        if not _has_months(rule):
            message = f"{name!r} is not a peak or plain sum of the month: nothing is kept of it."
            cursor = document.inside("state", document.node).inside(name, document.node)
            cursor.refuse(Code.CONFLICT, message, "Name a `max`, or a `sum` without bank and side.")
    _check_means(document)
    for rule in rules.values():
        if isinstance(rule, FormulaDeterminant):
            _check_priors(rule, histories, document)


def _has_months(rule: Determinant) -> bool:
    if isinstance(rule, SumDeterminant):
        return rule.bank is None and rule.side == "both"
    return isinstance(rule, MaxDeterminant) and not rule.daily


def _check_means(document: Cursor) -> None:
    """The highest days are those of a segment, and not of segments that share a peak."""
    if document.values["on_change"].demand != "bill_peak":
        return
    for rule in document.scope.determinants.values():
        if isinstance(rule, MaxDeterminant) and rule.mean_of:
            message = f"The highest days of {rule.name!r} are those of a segment, not of the bill."
            cursor = document.inside("determinants", document.node).inside(rule.name, document.node)
            cursor.refuse(Code.CONFLICT, message, "Drop `on_change.demand`.")


def _check_priors(rule: FormulaDeterminant, histories: list[str], document: Cursor) -> None:
    for prior in priors_in(rule.expr):
        base = prior.name.partition(".")[0]
        now = isinstance(prior, Prior) and prior.now
        if not now and base not in histories:
            message = f"{rule.name!r} reads earlier months of {prior.name!r}, but none are kept."
            remedy = f"Add `state: {{{base}: {{months: 12}}}}`."
            cursor = document.inside("determinants", document.node).inside(rule.name, document.node)
            cursor.refuse(Code.MISSING_KEY, message, remedy)
