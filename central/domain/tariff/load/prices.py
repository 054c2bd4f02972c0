"""Price tables and tiers from text, and what they may refer to."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Literal, cast

from central.domain.tariff.calendar_rules import CalendarRules
from central.domain.tariff.load.fields import (
    FieldReader,
    Report,
    fields_of,
    items_of,
    number_of,
)
from central.domain.tariff.load.yaml_source import Fields, Node, Scalar
from central.domain.tariff.price_rules import PriceTable, Step, Style, TierKind, TierRules
from central.domain.tariff.refusal import Code

_BOUND_UNITS = ("/day", "/kW/day", "/kW")


@dataclass(slots=True)
class Scope:
    """What charges may refer to.

    Args:
        calendar: Seasons and schedules.
        needs: Agreement fact to its kind.
        units: Determinant to its unit.
        splits: Determinant to the schedule it is split by, "" for none.
        prices: Price series.
        inputs: Series with one energy per interval.
        lines: Ids read so far.
        fields: Split of an event determinant to its labels.
        daily: Sums of daily peaks.
    """

    calendar: CalendarRules
    needs: dict[str, str]
    units: dict[str, str]
    splits: dict[str, str]
    prices: frozenset[str] = frozenset()
    inputs: frozenset[str] = frozenset()
    lines: set[str] = field(default_factory=set)
    fields: dict[str, frozenset[str]] = field(default_factory=dict)
    daily: set[str] = field(default_factory=set)

    def has_period(self, name: str) -> bool:
        """Whether the period named after a dot, if any, is one that the determinant is split by."""
        base, _, label = name.partition(".")
        known = {"", "total"}
        return label in known or label in self.labels(self.splits.get(base, ""))

    def labels(self, schedule: str) -> frozenset[str]:
        """Period names of a schedule, or values of a field that events are split by."""
        if schedule in self.fields:
            return self.fields[schedule]
        for found in self.calendar.schedules:
            if found.name == schedule:
                return frozenset(period.name for period in found.periods)
        return frozenset()

    @property
    def seasons(self) -> frozenset[str]:
        """Season names."""
        return frozenset(season.name for season in self.calendar.seasons)


def price_table(node: Node, path: str, scope: Scope, split: str, report: Report) -> PriceTable:
    """A price, or prices by season, by period, or by season and then period."""
    if isinstance(node, Scalar):
        return PriceTable(((("", ""), number_of(node, path, report)),))
    entries = fields_of(node, path, report)
    if not entries:
        report.refuse(Code.MISSING_PRICE, node.line, path, "There is no price.", "Write one.")
    labels, seasons = scope.labels(split), scope.seasons
    rows: list[tuple[tuple[str, str], Decimal]] = []
    names = {name for name, _ in entries}
    if names & seasons:
        _all_known(names, seasons, Code.UNKNOWN_SEASON, "season", node, path, report)
        for season, child in entries:
            inner = price_table(child, f"{path}.{season}", scope, split, report)
            if inner.by_season:
                message = "A season holds prices by season."
                report.refuse(Code.CONFLICT, child.line, path, message, "Name seasons once.")
            rows.extend(((season, label), price) for (_, label), price in inner.rows)
        return PriceTable(tuple(rows))
    if not split:
        message = "Prices differ by name, but the quantity is not split by period."
        remedy = "Name seasons, or give the determinant `by: period`."
        report.refuse(Code.PERIODS_NEED_A_SPLIT, node.line, path, message, remedy)
    for name in names - labels:
        message = f"{name!r} is no period of {split!r}."
        report.refuse(Code.UNKNOWN_PERIOD, node.line, path, message, "Define it in the calendar.")
    for name, child in entries:
        rows.append((("", name), number_of(child, f"{path}.{name}", report)))
    if names != labels and not seasons:
        message = f"There is no price for {', '.join(sorted(labels - names))}."
        report.refuse(Code.MISSING_PRICE, node.line, path, message, "Price every period.")
    return PriceTable(tuple(rows))


def _all_known(  # noqa: PLR0913, PLR0917 - the context of a check
    names: set[str],
    known: frozenset[str],
    code: Code,
    what: str,
    node: Node,
    path: str,
    report: Report,
) -> None:
    if names - known:
        message = f"{min(names - known)!r} is no {what}."
        report.refuse(code, node.line, path, message, f"Define the {what}, or drop it.")
    if known - names:
        message = f"There is no price for {', '.join(sorted(known - names))}."
        report.refuse(Code.MISSING_PRICE, node.line, path, message, f"Price every {what}.")


def tier_rules(node: Node, path: str, report: Report) -> TierRules:
    """How steps apply."""
    reader = FieldReader(node, path, report)
    kind = reader.choice("kind", ("graduated", "volume", "package", "stair"), "graduated")
    style = reader.choice("style", ("prorata", "per_period", "in_order"), "prorata")
    scale = reader.choice("scale", ("days_share", "whole"), "days_share")
    size = None
    if (found := reader.take("size")) is not None:
        size = number_of(found, reader.where("size"), report)
    if (size is not None) != (kind == "package") or (size is not None and size <= 0):
        message = "Packages, and only packages, have a size above zero."
        report.refuse(Code.CONFLICT, node.line, path, message, "Write `kind: package, size: 1000`.")
    if style == "in_order" and kind != "graduated":
        message = f"Only graduated tiers fill in order of time, and these are {kind!r}."
        remedy = "Write `style: prorata` or `style: per_period`."
        report.refuse(Code.CONFLICT, node.line, path, message, remedy)
    reader.done()
    return TierRules(
        cast("TierKind", kind),
        cast("Style", style),
        cast("Literal['days_share', 'whole']", scale),
        size,
    )


def seasonal_steps(  # noqa: PLR0913, PLR0917 - the context of steps
    node: Node, path: str, scope: Scope, split: str, qty: str | None, report: Report
) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    """Steps, or steps by season."""
    unit = scope.units.get((qty or "").partition(".")[0]) or scope.needs.get(qty or "", "")
    if isinstance(node, Fields):
        entries = fields_of(node, path, report)
        names = {name for name, _ in entries}
        if not names:
            report.refuse(Code.MISSING_PRICE, node.line, path, "There is no step.", "Add one.")
        _all_known(names, scope.seasons, Code.UNKNOWN_SEASON, "season", node, path, report)
        return tuple(
            (name, _steps(child, f"{path}.{name}", scope, split, unit, report))
            for name, child in entries
        )
    return (("", _steps(node, path, scope, split, unit, report)),)


def _steps(  # noqa: PLR0913, PLR0917 - the context of steps
    node: Node, path: str, scope: Scope, split: str, unit: str, report: Report
) -> tuple[Step, ...]:
    nodes = items_of(node, path, report)
    steps = tuple(
        _step(child, f"{path}[{number}]", scope, split, unit, report)
        for number, child in enumerate(nodes)
    )
    if not steps:
        report.refuse(Code.MISSING_PRICE, node.line, path, "There is no step.", "Add one.")
    for number, (earlier, later) in enumerate(pairwise(steps)):
        line = nodes[number + 1].line
        where = f"{path}[{number + 1}].to"
        if earlier.to is None:
            message = "A step follows one that has no bound."
            report.refuse(
                Code.TIERS_NOT_ASCENDING, line, where, message, "Let `null` be the last bound."
            )
        comparable = (earlier.unit, earlier.of) == (later.unit, later.of)
        if comparable and later.to is not None and later.to <= earlier.to:
            message = f"The bound {later.to} does not exceed {earlier.to}."
            report.refuse(Code.TIERS_NOT_ASCENDING, line, where, message, "Let bounds ascend.")
    if steps[-1].to is not None:
        message = f"Nothing prices what exceeds {steps[-1].to}."
        report.refuse(Code.TIERS_NOT_CLOSED, nodes[-1].line, path, message, "End with `to: null`.")
    return steps


def _step(  # noqa: PLR0913, PLR0917 - the context of a step
    node: Node, path: str, scope: Scope, split: str, unit: str, report: Report
) -> Step:
    reader = FieldReader(node, path, report)
    bound = reader.need("to")
    null = isinstance(bound, Scalar) and bound.is_null
    to = None if null else number_of(bound, reader.where("to"), report)
    if to is not None and to < 0:
        message = f"The bound {to} is negative."
        report.refuse(
            Code.OUT_OF_RANGE, bound.line, reader.where("to"), message, "Write one that is not."
        )
    bound_unit = reader.text("unit", unit) or unit
    units = (unit, "ratio", *(unit + suffix for suffix in _BOUND_UNITS))
    if bound_unit not in units:
        message = f"{bound_unit!r} cannot bound {unit or 'this quantity'}."
        report.refuse(
            Code.TIER_UNIT, reader.line, reader.where("unit"), message, f"Use {', '.join(units)}."
        )
    of = _bound_factor(reader, bound_unit, unit, scope)
    price: PriceTable | None = None
    inner: tuple[Step, ...] = ()
    if (found := reader.take("price")) is not None:
        price = price_table(found, reader.where("price"), scope, split, report)
    if (found := reader.take("steps")) is not None:
        inner = _steps(found, reader.where("steps"), scope, split, unit, report)
    if (price is None) == (not inner):
        message = "A step needs either a price or narrower steps."
        report.refuse(Code.MISSING_PRICE, reader.line, path, message, "Add one of them.")
    reader.done()
    return Step(to, bound_unit, of, price, inner)


def _bound_factor(reader: FieldReader, bound: str, unit: str, scope: Scope) -> str | None:
    of = reader.text("of")
    needs_factor = bound == "ratio" or "/kW" in bound.removeprefix(unit)
    if needs_factor and of is None:
        message = f"A bound in {bound} needs the determinant it is multiplied by."
        reader.report.refuse(
            Code.MISSING_KEY, reader.line, reader.path, message, "Add `of: <determinant>`."
        )
    if of is not None and not needs_factor:
        message = f"A bound in {bound} is multiplied by nothing."
        reader.report.refuse(Code.CONFLICT, reader.line, reader.path, message, "Drop `of`.")
    if of is not None and of.partition(".")[0] not in scope.units and of not in scope.needs:
        message = f"{of!r} is no determinant and no fact."
        reader.report.refuse(
            Code.UNKNOWN_DETERMINANT, reader.line, reader.where("of"), message, "Define it first."
        )
    if of is not None and of not in scope.needs and not scope.has_period(of):
        message = f"{of!r} names no period of its determinant."
        reader.report.refuse(
            Code.UNKNOWN_PERIOD, reader.line, reader.where("of"), message, "Use `.total`."
        )
    return of
