"""Inputs and determinants from text."""

from __future__ import annotations

import re
from typing import Literal, cast

from central.domain.tariff.determinant_rules import (
    AllowanceDeterminant,
    CounterDeterminant,
    Determinant,
    FormulaDeterminant,
    MaxDeterminant,
    SumDeterminant,
)
from central.domain.tariff.document import Series
from central.domain.tariff.expression import (
    Expression,
    ExpressionError,
    Name,
    calls_in,
    names_in,
    parse_expression,
)
from central.domain.tariff.load.fields import FieldReader, Report, fields_of
from central.domain.tariff.load.measured import events, rebate
from central.domain.tariff.load.names import hours_named, schedule_named, series_named
from central.domain.tariff.load.prices import Scope, price_table
from central.domain.tariff.load.yaml_source import Fields, Node
from central.domain.tariff.refusal import Code

BUILT_IN_INPUTS = {
    "import": "kWh",
    "export": "kWh",
    "kvarh": "kvarh",
    "kvah": "kVAh",
    "m3": "m3",
}
POWER = {"kWh": "kW", "kvarh": "kvar", "kVAh": "kVA"}
_WINDOW = re.compile(r"(\d{1,4})m")
_KINDS = ("sum", "max", "expr", "per_day", "counter", "rebate", "events")


def load_determinants(
    node: Node,
    scope: Scope,
    units: dict[str, str],
    series: tuple[Series, ...],
    report: Report,
) -> tuple[Determinant, ...]:
    """The determinants of a document; each may use those above it.

    Args:
        node: A mapping of names.
        scope: Filled with the units and splits of what is read.
        units: Series to its unit.
        series: Computed and price series.
        report: Where findings go.
    """
    found: list[Determinant] = []
    taken = {entry.name for entry in series} | set(scope.needs)
    for name, child in fields_of(node, "determinants", report):
        with report.item():
            path = f"determinants.{name}"
            if name in taken:
                message = f"{name!r} is already a series or a fact."
                report.refuse(Code.DUPLICATE_NAME, child.line, path, message, "Rename it.")
            found.append(_determinant(name, child, path, scope, units, report))
    return tuple(found)


def _determinant(  # noqa: PLR0913, PLR0917 - the context of a determinant
    name: str, node: Node, path: str, scope: Scope, units: dict[str, str], report: Report
) -> Determinant:
    reader = FieldReader(node, path, report)
    kinds = [kind for kind in _KINDS if kind in reader.node.nodes]
    if len(kinds) != 1:
        message = "A determinant has exactly one kind."
        report.refuse(
            Code.CONFLICT if kinds else Code.MISSING_KEY,
            reader.line,
            path,
            message,
            f"Use one of {', '.join(_KINDS)}.",
        )
    determinant, unit, split = _READERS[kinds[0]](name, reader, scope, units)
    reader.done()
    scope.units[name], scope.splits[name] = unit, split
    return determinant


Made = tuple[Determinant, str, str]


def _sum(name: str, reader: FieldReader, scope: Scope, units: dict[str, str]) -> Made:
    series = series_named("sum", reader, units)
    by = schedule_named(reader, scope.calendar)
    bank = reader.text("bank")
    side = cast(
        "Literal['both', 'use', 'surplus']",
        reader.choice("side", ("both", "use", "surplus"), "both"),
    )
    if bank is not None and side != "both":
        message = "A bank already takes what is below zero."
        reader.report.refuse(Code.CONFLICT, reader.line, reader.path, message, "Drop `side`.")
    during, outside = (hours_named(key, reader, scope) for key in ("during", "outside"))
    if during is not None and outside is not None:
        message = "Intervals count inside of one series, or outside of one."
        reader.report.refuse(Code.CONFLICT, reader.line, reader.path, message, "Keep one of them.")
    each = cast("Literal['bill', 'interval']", reader.choice("each", ("bill", "interval"), "bill"))
    if each == "interval" and side == "both":
        message = "Both sides of every interval are the sum itself."
        reader.report.refuse(
            Code.CONFLICT, reader.line, reader.path, message, "Add `side: use` or drop `each`."
        )
    made = SumDeterminant(name, series, by, bank, side, during, outside, each)
    return made, units[series], by


def _max(name: str, reader: FieldReader, scope: Scope, units: dict[str, str]) -> Made:
    series = series_named("max", reader, units)
    window = None
    if (text := reader.text("window")) is not None:
        match = _WINDOW.fullmatch(text)
        minutes = int(match.group(1)) if match else 0
        if match is None or minutes == 0 or 1440 % minutes:
            message = f"{text!r} is no window that divides a day."
            reader.report.refuse(
                Code.BAD_WINDOW, reader.line, reader.where("window"), message, "Write 15m or 60m."
            )
        window = minutes * 60
    mode = cast("Literal['block', 'rolling']", reader.choice("mode", ("block", "rolling"), "block"))
    estimated = reader.choice("estimated", ("exclude", "include"), "exclude")
    daily = reader.choice("per", ("bill", "day"), "bill") == "day"
    by = schedule_named(reader, scope.calendar)
    during = hours_named("during", reader, scope)
    meters = reader.choice("meters", ("together", "each"), "together")
    made = MaxDeterminant(
        name,
        series,
        window,
        mode,
        by,
        cast("Literal['exclude', 'include']", estimated),
        daily=daily,
        during=during,
        meters=cast("Literal['together', 'each']", meters),
    )
    if daily:
        scope.daily.add(name)
    if daily and meters == "each":
        message = "The peaks of every day are those of all meters together."
        reader.report.refuse(
            Code.CONFLICT, reader.line, reader.path, message, "Drop `per` or `meters`."
        )
    return made, POWER.get(units[series], f"{units[series]}/h"), by


def _formula(name: str, reader: FieldReader, scope: Scope, units: dict[str, str]) -> Made:
    text = reader.text("expr") or ""
    try:
        expression = parse_expression(text)
    except ExpressionError as error:
        reader.report.refuse(
            Code.BAD_EXPRESSION, reader.line, reader.where("expr"), error.message, "Mend it."
        )
    for used in names_in(expression):
        base = used.partition(".")[0]
        if name in {used, base}:
            message = f"{name!r} is computed from itself."
            reader.report.refuse(Code.CYCLE, reader.line, reader.where("expr"), message, "Cut it.")
        if base not in scope.units and base not in scope.needs and base not in units:
            message = f"{used!r} is no determinant above this one, and no fact."
            reader.report.refuse(
                Code.UNKNOWN_DETERMINANT,
                reader.line,
                reader.where("expr"),
                message,
                "Define it above.",
            )
        if base in scope.units and not scope.has_period(used):
            message = f"{used!r} names no period of its determinant."
            reader.report.refuse(
                Code.UNKNOWN_PERIOD, reader.line, reader.where("expr"), message, "Use `.total`."
            )
    _series_are_summed(expression, reader, units)
    known = [scope.units[used] for used in names_in(expression) if used in scope.units]
    unit = reader.text("unit") or (known[0] if known else "")
    return FormulaDeterminant(name, expression, unit), unit, ""


def _series_are_summed(expression: Expression, reader: FieldReader, units: dict[str, str]) -> None:
    """A series is read by `sum`, and `sum` reads nothing else."""
    summed = [
        argument.name
        for call in calls_in(expression)
        for argument in call.arguments
        if call.function == "sum" and isinstance(argument, Name)
    ]
    for used in set(names_in(expression)):
        if (used in units) != (used in summed):
            message = f"{used!r} is {'a series' if used in units else 'no series'}."
            remedy = f"Write sum({used})." if used in units else "Name it without sum."
            reader.report.refuse(
                Code.UNKNOWN_SERIES, reader.line, reader.where("expr"), message, remedy
            )


def _allowance(name: str, reader: FieldReader, scope: Scope, units: dict[str, str]) -> Made:
    del units
    table = price_table(reader.need("per_day"), reader.where("per_day"), scope, "", reader.report)
    unit = reader.text("unit", "kWh") or "kWh"
    return AllowanceDeterminant(name, table, unit), unit, ""


def _counter(name: str, reader: FieldReader, scope: Scope, units: dict[str, str]) -> Made:
    del units
    counter = reader.name("counter")
    # A count that `needs` does not name is a fact of its own name, counted in that unit.
    unit = scope.needs.get(counter, counter)
    if unit in {"bool", "text"}:
        message = f"The fact {counter!r} is no number."
        reader.report.refuse(
            Code.WRONG_FACT_KIND, reader.line, reader.where("counter"), message, "Give it a unit."
        )
    reader.choice("average", ("days",), "days")
    return CounterDeterminant(name, counter), unit, ""


_READERS = {
    "sum": _sum,
    "max": _max,
    "expr": _formula,
    "per_day": _allowance,
    "counter": _counter,
    "rebate": rebate,
    "events": events,
}


def load_inputs(node: Node | None, report: Report) -> dict[str, str]:
    """Input series beyond the built-in ones, with their units."""
    if node is None:
        return {}
    found: dict[str, str] = {}
    if not isinstance(node, Fields):
        report.refuse(
            Code.WRONG_TYPE, node.line, "inputs", "A mapping belongs here.", "Write `name: unit`."
        )
    reader = FieldReader(node, "inputs", report)
    for name, child in fields_of(node, "inputs", report):
        if name in BUILT_IN_INPUTS:
            message = f"{name!r} is built in."
            report.refuse(Code.DUPLICATE_NAME, child.line, "inputs", message, "Remove it.")
        found[name] = reader.text(name) or ""
    return found
