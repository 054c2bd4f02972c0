"""What the quantity of a charge measures, and in which unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from central.domain.tariff.determinant_rules import (
    AllowanceDeterminant,
    CounterDeterminant,
    Determinant,
    EventDeterminant,
    ExcessDeterminant,
    FormulaDeterminant,
    MaxDeterminant,
    RebateDeterminant,
    SumDeterminant,
)
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.input_units import BUILT_IN_INPUTS, POWER


class QuantityKind(Enum):
    """What a quantity is."""

    USE = auto()
    FED_IN = auto()
    REACTIVE = auto()
    APPARENT = auto()
    VOLUME = auto()
    SERIES = auto()
    POWER = auto()
    EXCESS = auto()
    FORMULA = auto()
    ALLOWANCE = auto()
    COUNT = auto()
    REBATE = auto()
    EVENTS = auto()
    FACT = auto()


_INPUTS = {
    "import": QuantityKind.USE,
    "export": QuantityKind.FED_IN,
    "kvarh": QuantityKind.REACTIVE,
    "kvah": QuantityKind.APPARENT,
    "m3": QuantityKind.VOLUME,
}
_OTHERS: dict[type, QuantityKind] = {
    FormulaDeterminant: QuantityKind.FORMULA,
    AllowanceDeterminant: QuantityKind.ALLOWANCE,
    CounterDeterminant: QuantityKind.COUNT,
    RebateDeterminant: QuantityKind.REBATE,
}


@dataclass(frozen=True, slots=True)
class MeasuredQuantity:
    """How a charge's quantity is measured.

    Args:
        measured: What it is.
        unit: Of the quantity.
        series: Input, series or stream that it is made of, "" for none.
        by: Schedule that it is split by, "" for none.
        label: Period that is charged alone, `total` for all together, "" for each at its price.
        window_min: Length of the window of a power, None for other quantities. [min]
    """

    measured: QuantityKind
    unit: str
    series: str = ""
    by: str = ""
    label: str = ""
    window_min: int | None = None


def measured_by(document: TariffDocument, qty: str) -> MeasuredQuantity:
    """How a quantity is measured that a charge of a document names.

    Args:
        document: The tariff.
        qty: As the charge names it: `kwh`, `kwh.total`, `kwh.P1`, a fact, or a series.
    """
    name, _, label = qty.partition(".")
    units = (
        BUILT_IN_INPUTS
        | dict(document.inputs)
        | {series.name: series.unit for series in document.series}
    )
    for rule in document.determinants:
        if rule.name == name:
            return _of_rule(rule, label, unit_of_rule(rule, units, document.fact_units))
    if name in units:
        return MeasuredQuantity(_INPUTS.get(name, QuantityKind.SERIES), units[name], name)
    return MeasuredQuantity(QuantityKind.FACT, document.fact_units.get(name, ""), name)


def unit_of_rule(rule: Determinant, series: Mapping[str, str], facts: Mapping[str, str]) -> str:
    """The unit of a determinant.

    Args:
        rule: The determinant.
        series: Units of inputs and series, by name.
        facts: Kinds of facts of the agreement.
    """
    match rule:
        case SumDeterminant() | RebateDeterminant():
            return series[rule.series]
        case MaxDeterminant() | ExcessDeterminant():
            unit = series[rule.series]
            return POWER.get(unit, f"{unit}/h")
        case CounterDeterminant():
            # A count that `needs` does not name is a fact of its own name, counted in that unit.
            return facts.get(rule.counter, rule.counter)
        case _:
            return rule.unit


def _of_rule(rule: Determinant, label: str, unit: str) -> MeasuredQuantity:
    match rule:
        case SumDeterminant():
            what = _INPUTS.get(rule.series, QuantityKind.SERIES)
            return MeasuredQuantity(what, unit, rule.series, rule.by, label)
        case MaxDeterminant() | ExcessDeterminant():
            what = QuantityKind.POWER if isinstance(rule, MaxDeterminant) else QuantityKind.EXCESS
            window = None if rule.window_s is None else rule.window_s // 60
            return MeasuredQuantity(what, unit, rule.series, rule.by, label, window)
        case EventDeterminant():
            return MeasuredQuantity(QuantityKind.EVENTS, unit, rule.stream, rule.by, label)
        case _:
            return MeasuredQuantity(_OTHERS[type(rule)], unit)
