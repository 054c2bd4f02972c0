"""Factor series: intervals times a correction, a calorific value, a share or a loss factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.determinants.context import HeldError
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.input_series import Feed, InputSeries, common_scale, exact_ints
from central.domain.rating.inputs.interval_weights import Runs, product, runs_of
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.steps import numbers_of
from central.domain.tariff.document import Factor

Known = Mapping[str, PriceSeries]


def multiply(
    series: InputSeries, factors: Sequence[Factor], facts: AgreementFacts, known: Known
) -> InputSeries:
    """Multiply every interval by its factors.

        value = input x factor x ... (gas: kWh = m3 x correction x calorific value / 3.6)

    Exact: integers times integers, at the product of the scales. A fact counts from its local day
    on; a factor series gives one number per step of time.

    Args:
        series: A sum of inputs.
        factors: At least one.
        facts: Of the agreement.
        known: Factor series by name.

    Raises:
        HeldError: A factor is not known for an interval.

    Source: docs/reference/charges.md, "Other commodities"; for gas the Gas (Calculation of
        Thermal Energy) Regulations 1996 (UK), whose formula every gas bill there prints
    """
    numbers: NDArray[np.object_] = np.ones(len(series.values), dtype=object)
    scale = Fraction(1)
    for factor in factors:
        if factor.fact:
            own, own_scale = _fact(series, factor, facts)
        else:
            own, own_scale = _given(series, factor, known)
        numbers = numbers * own
        scale *= own_scale
    return replace(
        series,
        values=exact_ints(series.values.astype(object) * numbers),
        scale=series.scale * scale,
        feeds=tuple(_weighted(feed, runs_of(numbers, scale)) for feed in series.feeds),
    )


def _weighted(feed: Feed, runs: Runs) -> Feed:
    return replace(feed, weights=runs if feed.weights is None else product(feed.weights, runs))


def _given(
    series: InputSeries, factor: Factor, known: Known
) -> tuple[NDArray[np.object_], Fraction]:
    given = known.get(factor.source)
    every = slice(0, len(series.values))
    found = None if given is None else numbers_of(series, given, every)
    if given is None or found is None:
        message = f"The factor series {factor.source!r} does not cover the days billed."
        raise HeldError(Hold("MISSING_FACTOR", message, factor.source))
    return found, Fraction(10) ** given.exponent


def _fact(
    series: InputSeries, factor: Factor, facts: AgreementFacts
) -> tuple[NDArray[np.object_], Fraction]:
    values = []
    for day in series.days.days():
        value = facts.at(factor.source, day)
        if not isinstance(value, Decimal):
            message = f"The agreement has no {factor.source!r} on {day}."
            raise HeldError(Hold("MISSING_FACT", message, factor.source))
        values.append(Fraction(value))
    bottom = lcm(*(value.denominator for value in values))
    lengths = np.diff(np.array(series.day_starts))
    whole = np.array([int(value * bottom) for value in values], dtype=object)
    return np.repeat(whole, lengths), Fraction(1, bottom)


def splice(parts: Sequence[tuple[InputSeries, slice]]) -> InputSeries:
    """One series from those of several tariff versions, each for its own intervals.

    Args:
        parts: Series of the same days, and the intervals each is in force for.
    """
    first = parts[0][0]
    scale = common_scale([series.scale for series, _ in parts])
    values: NDArray[np.object_] = np.zeros(len(first.values), dtype=object)
    estimated = np.zeros(len(first.values), dtype=np.bool_)
    feeds: list[Feed] = []
    for series, place in parts:
        values[place] = series.values[place].astype(object) * int(series.scale / scale)
        estimated[place] = series.estimated[place]
        own: Runs = ((place.start, place.stop - place.start, Fraction(1)),)
        for feed in series.feeds:
            kept = own if feed.weights is None else product(own, feed.weights)
            feeds.append(replace(feed, weights=kept))
    return replace(
        first, values=exact_ints(values), scale=scale, estimated=estimated, feeds=tuple(feeds)
    )
