"""Charges, riders, minimums and taxes from text."""

from __future__ import annotations

from typing import Literal, cast

from central.domain.tariff.document import ALL, Charge, Minimum, Per, Percent
from central.domain.tariff.load.determinants import POWER
from central.domain.tariff.load.fields import (
    FieldReader,
    Report,
    items_of,
    name_of,
    texts_of,
)
from central.domain.tariff.load.prices import Scope, price_table, seasonal_steps, tier_rules
from central.domain.tariff.load.yaml_source import Fields, Node, Scalar
from central.domain.tariff.price_rules import Step, TierRules
from central.domain.tariff.refusal import Code


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


def load_minimums(
    node: Node, scope: Scope, true_up: int | None, report: Report
) -> tuple[Minimum, ...]:
    """Minimums over charges and riders.

    Args:
        node: A list.
        scope: What they may name.
        true_up: Month that settles the banks, for minimums whose year ends with it.
        report: Where findings go.
    """
    minimums: list[Minimum] = []
    for number, child in enumerate(items_of(node, "minimums", report)):
        with report.item():
            reader = FieldReader(child, f"minimums[{number}]", report)
            minimums.append(_minimum(reader, scope, true_up))
    return tuple(minimums)


def new_id(reader: FieldReader, scope: Scope) -> str:
    """The id of a line, which no other line has."""
    identifier = reader.name("id")
    if identifier in scope.lines or identifier == ALL:
        message = f"{identifier!r} is already taken."
        reader.report.refuse(
            Code.DUPLICATE_NAME, reader.line, reader.where("id"), message, "Choose another id."
        )
    scope.lines.add(identifier)
    return identifier


def _charge(reader: FieldReader, scope: Scope) -> Charge:
    identifier = new_id(reader, scope)
    name = reader.text("name")
    qty = _quantity(reader, scope)
    split = _split_of(qty, scope)
    price = steps = None
    if (found := reader.take("price")) is not None:
        price = price_table(found, reader.where("price"), scope, split, reader.report)
    if (found := reader.take("steps")) is not None:
        steps = seasonal_steps(found, reader.where("steps"), scope, split, qty, reader.report)
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
        tiers = tier_rules(found, reader.where("tiers"), reader.report)
        if steps is None:
            message = "`tiers` says how steps apply, but there are no steps."
            reader.report.refuse(
                Code.CONFLICT, found.line, reader.path, message, "Add `steps` or drop `tiers`."
            )
    if steps is not None and tiers.kind == "stair" and tiers.style != "per_period":
        _one_amount(reader, steps, scope.units.get(qty or "", ""))
    if steps is not None and (qty or "").partition(".")[0] in scope.daily:
        _daily_steps(reader, steps, tiers)
    unless, only = fact_flag(reader, "unless", scope), fact_flag(reader, "only", scope)
    reader.done()
    return Charge(
        identifier, name, qty, price, per, prorate, steps or (), tiers, times, unless, only
    )


def _one_amount(
    reader: FieldReader, steps: tuple[tuple[str, tuple[Step, ...]], ...], unit: str
) -> None:
    """The one amount of a stair cannot differ by period, unless each period has its own."""
    is_power = unit in POWER.values() or unit.endswith("/h")
    by_period = any(
        step.price is not None and step.price.by_period for _, own in steps for step in own
    )
    if by_period and not is_power:
        message = "A stair-step has one amount, but its prices differ by period."
        remedy = "Write `style: per_period`, or one price."
        reader.report.refuse(Code.CONFLICT, reader.line, reader.where("steps"), message, remedy)


def _daily_steps(
    reader: FieldReader, steps: tuple[tuple[str, tuple[Step, ...]], ...], tiers: TierRules
) -> None:
    """Steps on the sum of daily peaks are steps of each day's peak."""
    if tiers.kind not in {"graduated", "volume"}:
        message = f"{tiers.kind!r} is no kind of steps for the peaks of every day."
        reader.report.refuse(
            Code.CONFLICT, reader.line, reader.where("tiers"), message, "Use graduated or volume."
        )
    for _, own in steps:
        for step in own:
            if step.to is not None and step.unit.endswith("/day"):
                message = f"A bound in {step.unit} cannot bound the peak of one day."
                reader.report.refuse(
                    Code.TIER_UNIT, reader.line, reader.where("steps"), message, "Use kW."
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


def fact_flag(reader: FieldReader, key: str, scope: Scope) -> str | None:
    """The name of a yes-or-no fact, None where the field is absent."""
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


def base(reader: FieldReader, own: str, scope: Scope) -> tuple[str, ...]:
    """Names of the lines before that an entry rests on."""
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
    identifier = new_id(reader, scope)
    name = reader.text("name")
    percent = reader.number("percent")
    of = base(reader, identifier, scope)
    category = reader.text("category")
    unless = fact_flag(reader, "unless", scope)
    reader.done()
    return Percent(identifier, name, percent, of, category, unless)


def count_of(reader: FieldReader, scope: Scope) -> str | None:
    """The determinant or fact that an amount is multiplied by."""
    node = reader.take("qty")
    if node is None:
        return None
    qty = name_of(node, reader.where("qty"), reader.report)
    if qty not in scope.units and qty not in scope.needs:
        message = f"{qty!r} is no determinant and no fact."
        reader.report.refuse(
            Code.UNKNOWN_DETERMINANT, node.line, reader.path, message, "Define it first."
        )
    return qty


def _minimum(reader: FieldReader, scope: Scope, true_up: int | None) -> Minimum:
    identifier = new_id(reader, scope)
    name = reader.text("name")
    of = base(reader, identifier, scope)
    amount = reader.number("amount")
    if amount < 0:
        message = "A minimum below zero tops nothing up."
        reader.report.refuse(
            Code.OUT_OF_RANGE, reader.line, reader.where("amount"), message, "Write one above."
        )
    qty = count_of(reader, scope)
    per = reader.choice("per", ("month", "year"), "month")
    prorate = reader.choice("prorate", ("cycle", "none"), "cycle")
    basis = reader.choice("basis", ("before_credits", "after_credits"), "before_credits")
    year_end = reader.whole("year_end", 1, 12, default=12)
    if reader.choice("year", ("calendar", "true_up"), "calendar") == "true_up":
        if true_up is None:
            message = "The year ends with a true-up, but the banks have no one month for it."
            reader.report.refuse(
                Code.CONFLICT, reader.line, reader.where("year"), message, "Write `year_end`."
            )
        year_end = true_up
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
