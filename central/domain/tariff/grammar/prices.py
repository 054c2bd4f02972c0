"""Prices by season and period, and steps."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import cast

from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import (
    NUMBER,
    TEXT,
    Json,
    Kind,
    list_shape,
    map_shape,
    one_of,
    read_entries,
    read_number,
)
from central.domain.tariff.grammar.node import Fields, Scalar
from central.domain.tariff.grammar.record import Record, Row
from central.domain.tariff.price_rules import PriceTable, Step, TierRules
from central.domain.tariff.refusal import Code

_BOUND_UNITS = ("/day", "/kW/day", "/kW")
Steps = tuple[Step, ...]
SeasonalSteps = tuple[tuple[str, Steps], ...]


def _read_prices(cursor: Cursor) -> PriceTable:
    """A price, or prices by season, by period, or by season and then period."""
    if isinstance(cursor.node, Scalar):
        return PriceTable(((("", ""), read_number(cursor)),))
    entries = read_entries(cursor)
    if not entries:
        cursor.refuse(Code.MISSING_PRICE, "The price is missing.", "Write one.")
    if {entry.key for entry in entries} & cursor.scope.seasons:
        return _by_season(cursor, entries)
    return _by_period(cursor, entries)


def _by_season(cursor: Cursor, entries: tuple[Cursor, ...]) -> PriceTable:
    _every_season(cursor, entries)
    rows: list[tuple[tuple[str, str], Decimal]] = []
    for entry in entries:
        inner = _read_prices(entry)
        if inner.by_season:
            message = "A season holds prices by season."
            cursor.refuse(Code.CONFLICT, message, "Name seasons once.", line=entry.line)
        rows.extend(((entry.key, label), price) for (_, label), price in inner.rows)
    return PriceTable(tuple(rows))


def _by_period(cursor: Cursor, entries: tuple[Cursor, ...]) -> PriceTable:
    split = cursor.quantity.split
    if not split:
        message = "Prices differ by name, but the quantity is not split by period."
        remedy = "Name seasons, or give the determinant `by: period`."
        cursor.refuse(Code.PERIODS_NEED_A_SPLIT, message, remedy)
    names, labels = {entry.key for entry in entries}, cursor.scope.labels(split)
    if names - labels:
        message = f"{min(names - labels)!r} is not a period of {split!r}."
        cursor.refuse(Code.UNKNOWN_PERIOD, message, "Define it in the calendar.")
    table = PriceTable(tuple((("", entry.key), read_number(entry)) for entry in entries))
    if names != labels and not cursor.scope.seasons:
        message = f"There is no price for {', '.join(sorted(labels - names))}."
        cursor.refuse(Code.MISSING_PRICE, message, "Price every period.")
    return table


def _every_season(cursor: Cursor, entries: tuple[Cursor, ...]) -> None:
    """The entries are the seasons, each of them and nothing else."""
    names, seasons = {entry.key for entry in entries}, cursor.scope.seasons
    if names - seasons:
        message = f"{min(names - seasons)!r} is not a season."
        cursor.refuse(Code.UNKNOWN_SEASON, message, "Define the season, or drop it.")
    if seasons - names:
        message = f"There is no price for {', '.join(sorted(seasons - names))}."
        cursor.refuse(Code.MISSING_PRICE, message, "Price every season.")


def _write_prices(table: PriceTable) -> object:
    if len(table.rows) == 1 and table.rows[0][0] == ("", ""):
        return NUMBER.write(table.rows[0][1])
    written: Json = {}
    for (season, label), price in table.rows:
        if season and label:
            written.setdefault(season, {})[label] = NUMBER.write(price)
        else:
            written[season or label] = NUMBER.write(price)
    return written


PRICES = Kind(
    _read_prices,
    _write_prices,
    {
        "description": "One price, or prices by season, by period, or by both in that order.",
        "anyOf": [NUMBER.schema, map_shape({"anyOf": [NUMBER.schema, map_shape(NUMBER.schema)]})],
    },
    ref="prices",
)


def _read_bound(cursor: Cursor) -> Decimal | None:
    if isinstance(cursor.node, Scalar) and cursor.node.is_null:
        return None
    bound = read_number(cursor)
    if bound < 0:
        message = f"The bound {bound} is negative."
        cursor.refuse(Code.OUT_OF_RANGE, message, "Write a bound of zero or more.")
    return bound


def _write_bound(bound: Decimal | None) -> object:
    return None if bound is None else NUMBER.write(bound)


BOUND = Kind(_read_bound, _write_bound, {"anyOf": [NUMBER.schema, {"type": "null"}]})


def _check_bound_unit(step: Cursor) -> None:
    unit = step.quantity.unit
    step.values["unit"] = step.values["unit"] or unit
    units = (unit, "ratio", *(unit + suffix for suffix in _BOUND_UNITS))
    if step.values["unit"] not in units:
        message = f"{step.values['unit']!r} cannot bound {unit or 'this quantity'}."
        remedy = f"Use {', '.join(units)}."
        step.field("unit").refuse(Code.TIER_UNIT, message, remedy, line=step.line)


def _check_bound_factor(step: Cursor) -> None:
    bound, of = step.values["unit"], step.values["of"]
    needs_factor = bound == "ratio" or "/kW" in bound.removeprefix(step.quantity.unit)
    if needs_factor and of is None:
        message = f"A bound in {bound} needs the determinant it is multiplied by."
        step.refuse(Code.MISSING_KEY, message, "Add `of: <determinant>`.")
    if of is None:
        return
    if not needs_factor:
        step.refuse(Code.CONFLICT, f"A bound in {bound} is multiplied by nothing.", "Drop `of`.")
    field = step.field("of")
    if of.partition(".")[0] not in step.scope.units and of not in step.scope.needs:
        message = f"{of!r} is not a determinant and not a fact."
        remedy = "Define it first."
        field.refuse(Code.UNKNOWN_DETERMINANT, message, remedy, line=step.line)
    if of not in step.scope.needs and not step.scope.has_period(of):
        message = f"{of!r} names no period of its determinant."
        field.refuse(Code.UNKNOWN_PERIOD, message, "Use `.total`.", line=step.line)


def _check_price_or_steps(step: Cursor) -> None:
    if (step.values["price"] is None) == (not step.values["steps"]):
        message = "A step needs either a price or narrower steps."
        step.refuse(Code.MISSING_PRICE, message, "Add one of them.")


def _read_steps(cursor: Cursor) -> Steps:
    cursors = cursor.items()
    steps = cast("Steps", cursor.each(STEP.read, cursors))
    cursor.stop_if_refused()
    if not steps:
        cursor.refuse(Code.MISSING_PRICE, "The list of steps is empty.", "Add one.")
    for later_cursor, (earlier, later) in zip(cursors[1:], pairwise(steps), strict=True):
        _check_ascent(later_cursor, earlier, later)
    if steps[-1].to is not None:
        message = f"No step prices the quantity above {steps[-1].to}."
        remedy = "End with `to: null`."
        cursor.refuse(Code.TIERS_NOT_CLOSED, message, remedy, line=cursors[-1].line)
    return steps


def _check_ascent(cursor: Cursor, earlier: Step, later: Step) -> None:
    bound, code = cursor.field("to"), Code.TIERS_NOT_ASCENDING
    if earlier.to is None:
        message = "A step follows one that has no bound."
        bound.refuse(code, message, "Write `to: null` in the last step only.", line=cursor.line)
    comparable = (earlier.unit, earlier.of) == (later.unit, later.of)
    if comparable and later.to is not None and later.to <= earlier.to:
        message = f"The bound {later.to} does not exceed {earlier.to}."
        bound.refuse(code, message, "Write the bounds in ascending order.", line=cursor.line)


def _write_steps(steps: Steps) -> list[Json]:
    return [STEP.write(step) for step in steps]


STEPS = Kind(_read_steps, _write_steps, list_shape({"$ref": "#/$defs/step"}), ref="steps")

STEP = Record(
    Step,
    (
        Row("to", BOUND, required=True),
        Row("unit", TEXT, always=True, then=_check_bound_unit),
        Row("of", TEXT, then=_check_bound_factor),
        Row("price", PRICES),
        Row("steps", STEPS, default=()),
    ),
    checks=(_check_price_or_steps,),
    ref="step",
)


def _read_seasonal(cursor: Cursor) -> SeasonalSteps:
    if not isinstance(cursor.node, Fields):
        return (("", _read_steps(cursor)),)
    entries = read_entries(cursor)
    if not entries:
        cursor.refuse(Code.MISSING_PRICE, "The list of steps is empty.", "Add one.")
    _every_season(cursor, entries)
    return tuple((entry.key, _read_steps(entry)) for entry in entries)


def _write_seasonal(steps: Sequence[tuple[str, Steps]]) -> object:
    seasonal = {season: _write_steps(season_steps) for season, season_steps in steps}
    return seasonal.get("", seasonal)


SEASONAL_STEPS = Kind(
    _read_seasonal, _write_seasonal, {"anyOf": [STEPS.schema, map_shape(STEPS.schema)]}
)


def _check_package(tiers: Cursor) -> None:
    size = tiers.values["size"]
    has_size = size is not None and size > 0
    if has_size != (tiers.values["kind"] == "package") or (size is not None and not has_size):
        message = "Packages, and only packages, have a size above zero."
        tiers.refuse(Code.CONFLICT, message, "Write `kind: package, size: 1000`.")


def _check_order_of_time(tiers: Cursor) -> None:
    kind = tiers.values["kind"]
    if tiers.values["style"] == "in_order" and kind != "graduated":
        message = f"Only graduated tiers fill in order of time, and these are {kind!r}."
        remedy = "Write `style: prorata` or `style: per_period`."
        tiers.refuse(Code.CONFLICT, message, remedy)


TIERS = Record(
    TierRules,
    (
        Row("kind", one_of("graduated", "volume", "package", "stair"), default="graduated"),
        Row("style", one_of("prorata", "per_period", "in_order"), default="prorata"),
        Row("scale", one_of("days_share", "whole"), default="days_share"),
        Row("size", NUMBER),
        Row("below_zero", one_of("hold", "mirror"), default="hold"),
    ),
    checks=(_check_package, _check_order_of_time),
)
