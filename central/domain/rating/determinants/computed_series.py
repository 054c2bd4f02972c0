"""Series that a tariff computes from inputs, each version's for its own days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from central.domain.metering.block import DayBlock
from central.domain.rating.determinants.context import HeldError
from central.domain.rating.determinants.factor_series import multiply, splice
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.input_series import InputSeries, align, combine
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.document import Series
from central.domain.tariff.version import TariffVersion

Made = dict[str, InputSeries]


def computed_series(
    segments: Sequence[Segment],
    inputs: Mapping[str, InputSeries],
    facts: AgreementFacts,
    known: Mapping[str, PriceSeries],
) -> Made:
    """The series of every version in force, over all days.

    Args:
        segments: Of the days.
        inputs: Aligned.
        facts: Of the agreement.
        known: Factor series by name.

    Raises:
        HeldError: The inputs of a series differ in interval length, or a factor is not known.
    """
    versions = list(dict.fromkeys(segment.version for segment in segments))
    rules = [version.document.series for version in versions]
    if all(own == rules[0] for own in rules):
        return _made(rules[0], inputs, facts, known)
    parts: dict[str, list[tuple[InputSeries, slice]]] = {}
    for version in versions:
        made = _made(version.document.series, inputs, facts, known)
        for name, series in made.items():
            places = _places(series, version, segments)
            parts.setdefault(name, []).extend((series, place) for place in places)
    return {name: splice(own) for name, own in parts.items()}


def series_on(  # noqa: PLR0913, PLR0917 - a name, and all it may be computed from
    name: str,
    segment: Segment,
    day: date,
    blocks: Mapping[str, Sequence[DayBlock]],
    facts: AgreementFacts,
    known: Mapping[str, PriceSeries],
) -> InputSeries:
    """An input or series on one local day, before the bill or in it.

    Raises:
        HeldError: The day has no whole data.
    """
    document = segment.version.document
    rules = {rule.name: rule for rule in document.series}
    needed, waiting = set[str](), [name]
    while waiting:
        one = waiting.pop()
        needed.add(one)
        waiting += [term for term, _ in rules[one].terms] if one in rules else []
    days = DayRange(day, day + timedelta(days=1))
    inputs: Made = {}
    for one in needed - set(rules):
        aligned = align(one, blocks.get(one, ()), days, document.zone, document.day_start)
        if not isinstance(aligned, InputSeries):
            raise HeldError(aligned[0])
        inputs[one] = aligned
    own = [rule for rule in document.series if rule.name in needed]
    return (inputs | _made(own, inputs, facts, known))[name]


def _made(
    rules: Sequence[Series],
    inputs: Mapping[str, InputSeries],
    facts: AgreementFacts,
    known: Mapping[str, PriceSeries],
) -> Made:
    made: Made = {}
    for rule in rules:
        terms = [(made.get(name) or inputs[name], factor) for name, factor in rule.terms]
        series = combine(rule.name, terms)
        if isinstance(series, Hold):
            raise HeldError(series)
        made[rule.name] = multiply(series, rule.factors, facts, known) if rule.factors else series
    return made


def _places(
    series: InputSeries, version: TariffVersion, segments: Sequence[Segment]
) -> list[slice]:
    return [series.slice_of(own.days) for own in segments if own.version == version]
