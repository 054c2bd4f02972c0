"""`meterline-central rate`: price a load file under a tariff file. Mounted by `central.cli`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from central.cli.output import EXIT_HELD, answered
from central.domain.rating.inputs.agreement_facts import AgreementFacts, spelled
from central.domain.rating.inputs.usage_event import Events
from central.domain.rating.rounding import printed
from central.domain.tariff.urdb.metering import Rule
from central.service.rating.events_jsonl import read_events_file
from central.service.rating.load_csv import LoadCsvError, hold_values, read_series
from central.service.rating.priced_months import to_object
from central.service.rating.rate_file import (
    PricedMonth,
    RatingHeldError,
    RatingRequest,
    rate_months,
    read_tariff,
)
from central.service.rating.series_csv import read_series_file
from firmware_bridge.command_line import report_failure
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import zone_info

app = typer.Typer(help="Price a load file under a tariff, month by month.")


class UnitName(StrEnum):
    """Units of the load file."""

    KW = "kW"
    KWH = "kWh"


class CalendarName(StrEnum):
    """Calendars that a load can follow."""

    LOCAL = "local"
    NAIVE = "naive"


@app.command("rate")
@answered
def rate_command(  # noqa: PLR0913, PLR0917 - one option each
    tariff: Annotated[
        Path, typer.Option(help="Tariff file: Meterline YAML or JSON, or URDB JSON.")
    ],
    load: Annotated[Path, typer.Option(help="Load file: one number per line.")],
    start: Annotated[
        str, typer.Option(help="Local start of the first step, such as 2018-01-01T00:00.")
    ],
    step_minutes: Annotated[
        int, typer.Option(help="Length of a step in minutes: 60, 30, 15 or 5.")
    ],
    zone: Annotated[str, typer.Option(help="Time zone of the load, such as Europe/Madrid.")],
    unit: Annotated[
        UnitName, typer.Option(help="Unit of the load: average kW, or kWh, per step.")
    ] = UnitName.KW,
    gen: Annotated[
        Path | None, typer.Option(help="Generation file, as --load; netted per step.")
    ] = None,
    record: Annotated[int, typer.Option(help="Number of the record in a URDB file, from 0.")] = 0,
    calendar: Annotated[
        CalendarName,
        typer.Option(help="Calendar; naive has 365 days, no daylight saving and no holidays."),
    ] = CalendarName.LOCAL,
    series: Annotated[
        list[str] | None,
        typer.Option(help="Prices or factors that the tariff names, as NAME=CSV of start,value."),
    ] = None,
    fact: Annotated[
        list[str] | None,
        typer.Option(help="Fact of the agreement that the tariff needs, as NAME=VALUE."),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(help="Events file, JSON lines with stream, id, at, value, fields."),
    ] = None,
    *,
    unrounded: Annotated[bool, typer.Option(help="Do not round the lines.")] = False,
    reference: Annotated[
        bool,
        typer.Option(help="Ignore the fields that the reference (PySAM) ignores, and list them."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Price a load file under a tariff, month by month.

    Exit codes: 0 priced; 2 the tariff, the load or an option is refused; 3 a month is held.
    """
    naive = calendar is CalendarName.NAIVE
    try:
        request = _request(start, step_minutes, zone, unit, naive=naive, rounded=not unrounded)
        document, imported = read_tariff(
            tariff.read_text(encoding="utf-8"),
            tariff.name,
            record=record,
            zone=zone,
            reference=reference,
            generation=gen is not None,
            step_minutes=step_minutes,
        )
        if imported is not None and imported.metering is Rule.BUY_ALL_SELL_ALL:
            request = replace(request, netting=False)
        if imported is not None and imported.ignored:
            names = ", ".join(imported.ignored)
            typer.echo(f"Ignored as the reference does: {names}", err=True)
        values = read_series(load.read_text(encoding="utf-8"), load.name, lowest=Decimal(0))
        generation = None
        if gen is not None:
            generation = read_series(gen.read_text(encoding="utf-8"), gen.name)
            count = max(len(values), len(generation))
            values = hold_values(values, count, load.name)
            generation = hold_values(generation, count, gen.name)
        facts = AgreementFacts.of(**{k: spelled(v) for k, v in _named(fact, "fact")})
        prices = [
            read_series_file(Path(path).read_text(encoding="utf-8"), name, path, zone_info(zone))
            for name, path in _named(series, "series")
        ]
        months = list(
            rate_months(
                document,
                values,
                request,
                generation=generation,
                facts=facts,
                prices=prices,
                events=_events(events),
            )
        )
    except RatingHeldError as error:
        report_failure(error, as_json=as_json)
        raise typer.Exit(EXIT_HELD) from None
    if as_json:
        json.dump(to_object(document, months), sys.stdout)
        sys.stdout.write("\n")
    else:
        _table(months, document.currency.code)


def _events(path: Path | None) -> Events | None:
    return None if path is None else read_events_file(path.read_text(encoding="utf-8"), path.name)


def _named(options: list[str] | None, what: str) -> list[tuple[str, str]]:
    pairs = []
    for option in options or ():
        name, equals, value = option.partition("=")
        if not (name and equals and value):
            message = f"--{what} {option!r} is not of the form NAME=VALUE."
            raise InvalidValueError(message, value=option)
        pairs.append((name, value))
    return pairs


def _request(  # noqa: PLR0913 - one option each
    start: str, step: int, zone: str, unit: UnitName, *, naive: bool, rounded: bool
) -> RatingRequest:
    if step not in {60, 30, 15, 5}:
        message = f"A step of {step} minutes is not supported; use 60, 30, 15 or 5."
        raise LoadCsvError(message, value=step)
    try:
        begin = datetime.fromisoformat(start)
    except ValueError:
        message = f"{start!r} is not a local time. Write it as 2018-01-01T00:00."
        raise LoadCsvError(message, value=start) from None
    if begin.tzinfo is not None:
        message = "The start is local time. Leave out its offset."
        raise LoadCsvError(message, value=start)
    name: Literal["kW", "kWh"] = "kW" if unit is UnitName.KW else "kWh"
    return RatingRequest(begin, step, zone, name, naive=naive, rounded=rounded)


def _table(months: list[PricedMonth], currency: str) -> None:
    for month in months:
        amount = month.rated.total
        typer.echo(f"{month.month}  {printed(month.kwh):>14,.3f} kWh  {amount:>14,} {currency}")
    total = sum((month.rated.total for month in months), Decimal(0))
    typer.echo(f"total    {'':>18}  {total:>14,} {currency}")
