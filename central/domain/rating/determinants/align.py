"""The intervals that a tariff reads, aligned over the days of a bill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from central.domain.metering.block import DayBlock
from central.domain.metering.day_start import from_day_start
from central.domain.rating.determinants.computed_series import computed_series
from central.domain.rating.determinants.context import HeldError
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.input_series import InputSeries, align
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.determinant_rules import (
    ExcessDeterminant,
    FormulaDeterminant,
    MaxDeterminant,
    RebateDeterminant,
    SumDeterminant,
)
from central.domain.tariff.document import (
    Charge,
)
from central.domain.tariff.expression import Call, Expression, Name, calls_in
from central.domain.tariff.version import TariffVersion

ENERGY = SumDeterminant | MaxDeterminant | ExcessDeterminant | RebateDeterminant
"""Determinants that are made of a series."""
Blocks = Mapping[str, Sequence[DayBlock]]


class HeldManyError(HeldError):
    """Several things are missing at once."""

    def __init__(self, holds: tuple[Hold, ...]) -> None:
        super().__init__(holds[0])
        self.holds = holds


def align_inputs(
    segments: Sequence[Segment],
    blocks: Blocks,
    days: DayRange,
    facts: AgreementFacts,
    known: Mapping[str, PriceSeries],
) -> dict[str, InputSeries]:
    """Inputs of some days as arrays, and the series computed from them.

    Args:
        segments: Of the days.
        blocks: By input.
        days: Local days.
        facts: Of the agreement, for factors.
        known: Price and factor series by name.

    Raises:
        HeldError: A block is missing or damaged, the versions differ in zone, or a factor is not
            known.
    """
    documents = [segment.version.document for segment in segments]
    cuts = {f"{document.zone}{from_day_start(document.day_start)}" for document in documents}
    if len(cuts) > 1:
        message = "The tariff's versions differ in where their days are cut."
        raise HeldError(Hold("ZONE_CHANGE", message, ", ".join(sorted(cuts))))
    zone, at = documents[0].zone, documents[0].day_start
    found: dict[str, InputSeries] = {}
    holds: list[Hold] = []
    names = {name: None for segment in segments for name in inputs_of(segment.version)}
    for name in names:
        aligned = align(name, blocks.get(name, ()), days, zone, at)
        if isinstance(aligned, InputSeries):
            found[name] = aligned
        else:
            holds.extend(aligned)
    if holds:
        raise HeldManyError(tuple(holds))
    return found | computed_series(segments, found, facts, known)


@lru_cache(maxsize=1024)
def inputs_of(version: TariffVersion) -> tuple[str, ...]:
    """Names of the inputs that a tariff reads."""
    document = version.document
    names: dict[str, None] = {}
    for rule in document.determinants:
        if isinstance(rule, ENERGY):
            names[rule.series] = None
        elif isinstance(rule, FormulaDeterminant):
            names.update(dict.fromkeys(_summed(rule.expr)))
    computed = {series.name: series for series in document.series}
    for charge in (*document.charges, *document.riders):
        if isinstance(charge, Charge) and charge.times is not None and charge.qty:
            names[charge.qty] = None
    for bank in document.money_banks:
        if bank.times is not None and bank.earn:
            names[bank.earn] = None
    for series in computed.values():
        names.update(dict.fromkeys(name for name, _ in series.terms))
    return tuple(name for name in names if name not in computed)


def _summed(expression: Expression) -> Iterator[str]:
    for call in calls_in(expression):
        if isinstance(call, Call) and call.function == "sum":
            for argument in call.arguments:
                if isinstance(argument, Name):
                    yield argument.name
