"""Credit banks from text."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, cast

from central.domain.tariff.credit_rules import EnergyBank, MoneyBank, TrueUp
from central.domain.tariff.determinant_rules import Determinant as Rule
from central.domain.tariff.determinant_rules import SumDeterminant
from central.domain.tariff.load.fields import FieldReader, Report, fields_of, text_of, texts_of
from central.domain.tariff.load.prices import Scope, price_table, seasonal_steps, tier_rules
from central.domain.tariff.load.yaml_source import Fields, Node
from central.domain.tariff.price_rules import PriceTable, Step, TierRules
from central.domain.tariff.refusal import Code

Banks = tuple[tuple[EnergyBank, ...], tuple[MoneyBank, ...]]
LAPSE = "none"


def load_banks(
    node: Node | None, determinants: tuple[Rule, ...], scope: Scope, report: Report
) -> Banks:
    """Energy and money banks; lines of their names may be used after them."""
    energy: list[EnergyBank] = []
    money: list[MoneyBank] = []
    for name, child in fields_of(node, "banks", report) if node is not None else ():
        with report.item():
            reader = FieldReader(child, f"banks.{name}", report)
            if name in scope.lines:
                message = f"{name!r} is already taken."
                report.refuse(
                    Code.DUPLICATE_NAME, child.line, reader.path, message, "Choose another name."
                )
            if reader.choice("unit", ("kWh", "money"), "money") == "kWh":
                energy.append(_energy(name, reader, determinants, scope))
            else:
                money.append(_money(name, reader, scope))
            scope.lines |= {name, f"{name}_settlement"}
    known = {bank.name for bank in energy}
    for rule in determinants:
        if isinstance(rule, SumDeterminant) and rule.bank and rule.bank not in known:
            message = f"{rule.bank!r} is no energy bank."
            line = node.line if node is not None else 1
            report.note(
                Code.UNKNOWN_BANK, line, f"determinants.{rule.name}", message, "Define it in banks."
            )
    return tuple(energy), tuple(money)


def _true_up(reader: FieldReader) -> TrueUp | None:
    node = reader.take("true_up")
    if node is None:
        return None
    inner = FieldReader(node, reader.where("true_up"), reader.report)
    month = inner.whole("month", 1, 12, default=12)
    pay = inner.number("pay") if isinstance(node, Fields) and "pay" in node.nodes else Decimal(0)
    inner.done()
    return TrueUp(month, pay)


def _energy(
    name: str, reader: FieldReader, determinants: tuple[Rule, ...], scope: Scope
) -> EnergyBank:
    users = [rule for rule in determinants if isinstance(rule, SumDeterminant)]
    users = [rule for rule in users if rule.bank == name]
    if len(users) != 1:
        message = f"The bank {name!r} is fed by {len(users)} determinants."
        reader.report.refuse(
            Code.CONFLICT, reader.line, reader.path, message, "Let one determinant name it."
        )
    labels = scope.labels(users[0].by)
    maps: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    if (found := reader.take("map")) is not None:
        maps = _maps(found, reader, labels, scope)
    basis = reader.choice("basis", ("period", "total"), "period")
    true_up = _true_up(reader)
    _repeated(reader, "earn", users[0].name)
    _repeated(reader, "by", users[0].by or "none")
    reader.done()
    return EnergyBank(name, maps, true_up, cast("Literal['period', 'total']", basis))


def _repeated(reader: FieldReader, key: str, known: str) -> None:
    """What the determinant says already may be said here again, but nothing else."""
    said = reader.text(key, known)
    if said != known:
        message = f"The determinant says {known!r}, not {said!r}."
        reader.report.refuse(
            Code.CONFLICT, reader.line, reader.where(key), message, f"Write {known}, or drop it."
        )


def _maps(
    node: Node, reader: FieldReader, labels: frozenset[str], scope: Scope
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    path = reader.where("map")
    entries = fields_of(node, path, reader.report)
    if {name for name, _ in entries} & scope.seasons:
        return tuple(
            (season, _map(child, f"{path}.{season}", labels, reader.report))
            for season, child in entries
        )
    return (("", _map(node, path, labels, reader.report)),)


def _map(
    node: Node, path: str, labels: frozenset[str], report: Report
) -> tuple[tuple[str, str], ...]:
    pairs = []
    for source, child in fields_of(node, path, report):
        target = text_of(child, f"{path}.{source}", report)
        for label in (source, target):
            if label not in labels and (label is source or label != LAPSE):
                message = f"{label!r} is no period of the determinant."
                report.refuse(Code.UNKNOWN_PERIOD, child.line, path, message, "Map its periods.")
        pairs.append((source, target))
    return tuple(pairs)


def _money(name: str, reader: FieldReader, scope: Scope) -> MoneyBank:
    earn = None
    price: PriceTable | None = None
    steps: tuple[tuple[str, tuple[Step, ...]], ...] = ()
    if reader.take("earn") is not None:
        earn = reader.name("earn")
        if earn not in scope.units:
            message = f"{earn!r} is no determinant."
            reader.report.refuse(
                Code.UNKNOWN_DETERMINANT,
                reader.line,
                reader.where("earn"),
                message,
                "Define it first.",
            )
        split = scope.splits[earn]
        if (found := reader.take("steps")) is not None:
            path = reader.where("steps")
            steps = seasonal_steps(found, path, scope, split, earn, reader.report)
        else:
            path = reader.where("price")
            price = price_table(reader.need("price"), path, scope, split, reader.report)
    tiers = TierRules()
    if steps and (found := reader.take("tiers")) is not None:
        tiers = tier_rules(found, reader.where("tiers"), reader.report)
    offsets = texts_of(reader.need("offsets"), reader.where("offsets"), reader.report)
    for offset in offsets:
        if offset not in scope.lines:
            message = f"{offset!r} is no charge and no rider."
            reader.report.refuse(
                Code.UNKNOWN_CHARGE, reader.line, reader.where("offsets"), message, "Name charges."
            )
    when = reader.choice("when", ("this_bill", "next_bill"), "this_bill")
    reader.choice("order", ("oldest",), "oldest")
    true_up = _true_up(reader)
    months = None
    if reader.take("expires_months") is not None:
        months = reader.whole("expires_months", 1, 600)
    if reader.choice("expires", ("true_up", "never"), "never") == "true_up" and true_up is None:
        message = "Credit expires at a true-up that the bank does not have."
        reader.report.refuse(
            Code.CONFLICT, reader.line, reader.path, message, "Add `true_up: {month: 4}`."
        )
    reader.done()
    when_ = cast("Literal['this_bill', 'next_bill']", when)
    return MoneyBank(name, earn, price, offsets, when_, true_up, months, steps, tiers)
