"""Options that say what days are to say: values of intervals, or how they are estimated."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from central.service.rating.series_csv import read_series_file
from central.service.validation.chosen_estimate import ChosenEstimate
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import zone_info

Intervals = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="START=VALUE in the channel's unit, such as 2026-10-03T10:15+02:00=250."
    ),
]
ValuesFile = Annotated[
    Path | None,
    typer.Option("--file", help="CSV of such values (start,value), in equal steps."),
]
FileZone = Annotated[
    str | None, typer.Option("--zone", help="Time zone of times of the file without offset.")
]
Method = Annotated[
    str | None,
    typer.Option(help="Name of an estimator, such as like-day; default: those of its policy."),
]
Total = Annotated[
    str | None,
    typer.Option(help="What the days used in all, in the channel's unit, such as 12500."),
]
OverReadings = Annotated[
    bool, typer.Option("--over-readings", help="Estimate what was metered as well.")
]


def chosen_estimate(
    method: str | None, total: str | None, *, over_readings: bool
) -> ChosenEstimate:
    """How days are to be estimated.

    Raises:
        InvalidValueError: The total is no number.
    """
    amount = None if total is None else _number(total)
    return ChosenEstimate(method, amount, over_readings=over_readings)


def given_values(
    pairs: Sequence[str] | None, file: Path | None, zone: str | None
) -> dict[datetime, Fraction]:
    """Values by the start of their interval, in the channel's unit, of options and of a file.

    Raises:
        InvalidValueError: One is no START=VALUE.
    """
    values = dict(map(_pair, pairs or ()))
    return values if file is None else values | _values(file, zone)


def _pair(text: str) -> tuple[datetime, Fraction]:
    start, _, value = text.rpartition("=")
    try:
        instant: datetime | None = datetime.fromisoformat(start)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        message = f"{text!r} is not START=VALUE, such as 2026-10-03T10:15+02:00=250."
        raise InvalidValueError(message, value=text)
    return instant, _number(value)


def _number(text: str) -> Fraction:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        message = f"{text!r} is not a number, such as 250 or 12.5."
        raise InvalidValueError(message, value=text)
    return Fraction(number)


def _values(file: Path, zone: str | None) -> dict[datetime, Fraction]:
    text = file.read_text(encoding="utf-8")
    series = read_series_file(text, "values", file.name, None if zone is None else zone_info(zone))
    scale, step = Fraction(10) ** series.exponent, timedelta(seconds=series.step_s)
    return {
        series.start + number * step: mantissa * scale
        for number, mantissa in enumerate(series.mantissas)
        if mantissa is not None
    }
