"""Charges, riders, minimums and taxes from text."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Literal, cast

from central.domain.tariff.document import (
    ALL,
    CalendarRules,
    Charge,
    Minimum,
    Per,
    Percent,
    PriceTable,
    Step,
    Style,
    TierKind,
    TierRules,
)
from central.domain.tariff.fields import (
    FieldReader,
    Report,
    fields_of,
    items_of,
    name_of,
    number_of,
    texts_of,
)
from central.domain.tariff.refusal import Code
from central.domain.tariff.source import Fields, Node, Scalar

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
    """

    calendar: CalendarRules
    needs: dict[str, str]
    units: dict[str, str]
    splits: dict[str, str]
    prices: frozenset[str] = frozenset()
    inputs: frozenset[str] = frozenset()
    lines: set[str] = field(default_factory=set)

    def labels(self, schedule: str) -> frozenset[str]:
        """Period names of a schedule."""
        for found in self.calendar.schedules:
            if found.name == schedule:
                return frozenset(period.name for period in found.periods)
        return frozenset()

    @property
    def seasons(self) -> frozenset[str]:
        """Season names."""
        return frozenset(season.name for season in self.calendar.seasons)


def load_charges(node: Node, path: str, scope: Scope, report: Report) -> tuple[Charge, ...]:
    """The charges of a list."""
    charges: list[Charge] = []
    for number, child in enumerate(items_of(node, path, report)):
        with report.item():
            reader = FieldReader(child, f"{path}[{number}]", report)
            charges.append(_charge(reader, scope))
    return tuple(charges)


def load_riders(node: Node, scope: Scope, report: Report) -> tuple[Charge | Percent, ...]:
    """Riders: charges, or percents of what stands before them."""
    riders: list[Charge | Percent] = []
    for number, child in enumerate(items_of(node, "riders", report)):
        with report.item():
            reader = FieldReader(child, f"riders[{number}]", report)
            if isinstance(child, Fields) and "percent" in child.nodes:
                riders.append(_percent(reader, scope))
            else:
                riders.append(_charge(reader, scope))
    return tuple(riders)


def load_taxes(node: Node, scope: Scope, report: Report) -> tuple[Percent, ...]:
    """Taxes: percents of charges, riders, minimums and earlier taxes."""
    taxes: list[Percent] = []
    for number, child in enumerate(items_of(node, "taxes", report)):
        with report.item():
            taxes.append(_percent(FieldReader(child, f"taxes[{number}]", report), scope))
    return tuple(taxes)


def load_minimums(node: Node, scope: Scope, report: Report) -> tuple[Minimum, ...]:
    """Minimums over charges and riders."""
    minimums: list[Minimum] = []
    for number, child in enumerate(items_of(node, "minimums", report)):
        with report.item():
            minimums.append(_minimum(FieldReader(child, f"minimums[{number}]", report), scope))
    return tuple(minimums)


def _new_id(reader: FieldReader, scope: Scope) -> str:
    identifier = reader.name("id")
    if identifier in scope.lines or identifier == ALL:
        message = f"{identifier!r} is already taken."
        reader.report.refuse(
            Code.DUPLICATE_NAME, reader.line, reader.where("id"), message, "Choose another id."
        )
    scope.lines.add(identifier)
    return identifier


def _charge(reader: FieldReader, scope: Scope) -> Charge:
    identifier = _new_id(reader, scope)
    name = reader.text("name")
    qty = _quantity(reader, scope)
    split = _split_of(qty, scope)
    price = steps = None
    if (found := reader.take("price")) is not None:
        price = price_table(found, reader.where("price"), scope, split, reader.report)
    if (found := reader.take("steps")) is not None:
        steps = _seasonal_steps(found, reader.where("steps"), scope, split, qty, reader.report)
    times = reader.text("times")
    _one_way_to_price(reader, qty, price is not None, steps is not None, times)
    if times is not None and times not in scope.prices:
        message = f"{times!r} is no price series."
        reader.report.refuse(
            Code.UNKNOWN_SERIES, reader.line, reader.where("times"), message, "Define it in series."
        )
    per = None
    if reader.take("per") is not None:
        per = cast("Per", reader.choice("per", ("day", "month", "year"), "month"))
    prorate = cast("Literal['cycle', 'none']", reader.choice("prorate", ("cycle", "none"), "cycle"))
    tiers = TierRules()
    if (found := reader.take("tiers")) is not None:
        tiers = _tier_rules(found, reader.where("tiers"), reader.report)
        if steps is None:
            message = "`tiers` says how steps apply, but there are no steps."
            reader.report.refuse(
                Code.CONFLICT, found.line, reader.path, message, "Add `steps` or drop `tiers`."
            )
    unless, only = _fact_flag(reader, "unless", scope), _fact_flag(reader, "only", scope)
    reader.done()
    return Charge(
        identifier, name, qty, price, per, prorate, steps or (), tiers, times, unless, only
    )


def _one_way_to_price(
    reader: FieldReader,
    qty: str | None,
    priced: bool,  # noqa: FBT001 - three facts of one charge
    stepped: bool,  # noqa: FBT001 - three facts of one charge
    times: str | None,
) -> None:
    ways = int(priced) + int(stepped) + int(times is not None)
    if ways == 0:
        message = "The charge has no price."
        reader.report.refuse(
            Code.MISSING_PRICE, reader.line, reader.path, message, "Add `price` or `steps`."
        )
    if ways > 1:
        message = "The charge is priced in two ways."
        reader.report.refuse(
            Code.CONFLICT, reader.line, reader.path, message, "Keep one of price, steps and times."
        )
    if qty is None and not priced:
        message = "Steps and price series need a quantity."
        reader.report.refuse(Code.MISSING_KEY, reader.line, reader.path, message, "Add `qty`.")
    if qty is None and "per" not in reader.node.nodes:
        message = "A fixed price needs its unit of time."
        reader.report.refuse(
            Code.MISSING_KEY, reader.line, reader.path, message, "Add `per: month`."
        )


def _quantity(  # noqa: RET503 - refuse() never returns
    reader: FieldReader, scope: Scope
) -> str | None:
    node = reader.take("qty")
    if node is None:
        return None
    path = reader.where("qty")
    text = node.text if isinstance(node, Scalar) else ""
    base, _, label = text.partition(".")
    if base in scope.units:
        if label not in {"", "total"} and label not in scope.labels(scope.splits[base]):
            message = f"{base!r} has no period {label!r}."
            reader.report.refuse(Code.UNKNOWN_PERIOD, node.line, path, message, "Use `.total`.")
        return text
    if not label and scope.needs.get(base, "bool") not in {"bool", "text"}:
        return text
    if not label and base in scope.inputs and "times" in reader.node.nodes:
        return text
    if base in scope.needs:
        message = f"The fact {base!r} is no number."
        reader.report.refuse(Code.WRONG_FACT_KIND, node.line, path, message, "Give it a unit.")
    message = f"{text!r} is no determinant and no numeric fact."
    reader.report.refuse(
        Code.UNKNOWN_DETERMINANT, node.line, path, message, "Define it in `determinants`."
    )


def _split_of(qty: str | None, scope: Scope) -> str:
    if qty is None or "." in qty:
        return ""
    return scope.splits.get(qty, "")


def _fact_flag(reader: FieldReader, key: str, scope: Scope) -> str | None:
    name = reader.text(key)
    if name is None:
        return None
    if name not in scope.needs:
        message = f"{name!r} is no agreement fact."
        reader.report.refuse(
            Code.UNKNOWN_FACT, reader.line, reader.where(key), message, "Name it in `needs`."
        )
    if scope.needs[name] != "bool":
        message = f"The fact {name!r} is not true or false."
        reader.report.refuse(
            Code.WRONG_FACT_KIND, reader.line, reader.where(key), message, "Make it `bool`."
        )
    return name


def price_table(node: Node, path: str, scope: Scope, split: str, report: Report) -> PriceTable:
    """A price, or prices by season, by period, or by season and then period."""
    if isinstance(node, Scalar):
        return PriceTable(((("", ""), number_of(node, path, report)),))
    entries = fields_of(node, path, report)
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


def _tier_rules(node: Node, path: str, report: Report) -> TierRules:
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
    reader.done()
    return TierRules(
        cast("TierKind", kind),
        cast("Style", style),
        cast("Literal['days_share', 'whole']", scale),
        size,
    )


def _seasonal_steps(  # noqa: PLR0913, PLR0917 - the context of steps
    node: Node, path: str, scope: Scope, split: str, qty: str | None, report: Report
) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    unit = scope.units.get((qty or "").partition(".")[0]) or scope.needs.get(qty or "", "")
    if isinstance(node, Fields):
        entries = fields_of(node, path, report)
        names = {name for name, _ in entries}
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
    return of


def _base(reader: FieldReader, own: str, scope: Scope) -> tuple[str, ...]:
    node = reader.take("of")
    path = reader.where("of")
    names = () if node is None else texts_of(node, path, reader.report)
    if node is None or not names:
        message = f"{own!r} names no lines that it rests on."
        reader.report.refuse(
            Code.NO_BASE, reader.line, reader.path, message, "Add `of: [charge, ...]`."
        )
    for name in names:
        if name == own:
            message = f"{own!r} rests on itself."
            reader.report.refuse(Code.CYCLE, node.line, path, message, "Remove it.")
        if name != ALL and name not in scope.lines:
            message = f"{name!r} is no line that stands before."
            reader.report.refuse(
                Code.UNKNOWN_CHARGE, node.line, path, message, "Name charges above this one."
            )
    return names


def _percent(reader: FieldReader, scope: Scope) -> Percent:
    identifier = _new_id(reader, scope)
    name = reader.text("name")
    percent = reader.number("percent")
    of = _base(reader, identifier, scope)
    category = reader.text("category")
    unless = _fact_flag(reader, "unless", scope)
    reader.done()
    return Percent(identifier, name, percent, of, category, unless)


def _minimum(reader: FieldReader, scope: Scope) -> Minimum:
    identifier = _new_id(reader, scope)
    name = reader.text("name")
    of = _base(reader, identifier, scope)
    amount = reader.number("amount")
    if amount < 0:
        message = "A minimum below zero tops nothing up."
        reader.report.refuse(
            Code.OUT_OF_RANGE, reader.line, reader.where("amount"), message, "Write one above."
        )
    qty = None
    if (found := reader.take("qty")) is not None:
        qty = name_of(found, reader.where("qty"), reader.report)
        if qty not in scope.units and qty not in scope.needs:
            message = f"{qty!r} is no determinant and no fact."
            reader.report.refuse(
                Code.UNKNOWN_DETERMINANT, found.line, reader.path, message, "Define it first."
            )
    per = reader.choice("per", ("month", "year"), "month")
    prorate = reader.choice("prorate", ("cycle", "none"), "cycle")
    basis = reader.choice("basis", ("before_credits", "after_credits"), "before_credits")
    year_end = reader.whole("year_end", 1, 12, default=12)
    reader.done()
    return Minimum(
        identifier,
        name,
        of,
        amount,
        qty,
        cast("Literal['month', 'year']", per),
        cast("Literal['cycle', 'none']", prorate),
        cast("Literal['before_credits', 'after_credits']", basis),
        year_end,
    )
