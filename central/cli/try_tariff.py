"""`meterline-central tariff try`: a year of a tariff, without a database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from central.cli import rate_options as given
from central.cli.output import EXIT_HELD, AsJson, answered, listed, show
from central.domain.rating.rounding import printed
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.kept_tables import with_kept_tables
from central.service.rating.priced_bills import to_object
from central.service.rating.rate_bills import RatingHeldError, total_of
from central.service.rating.rate_file import read_tariff, versions_for
from central.service.rating.tariff_library import library_text
from central.service.rating.try_tariff import HOURS, HourRow, TariffYear, Trial, try_tariff
from firmware_bridge.command_line import report_failure
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import zone_info
from firmware_bridge.contract.plain_number import plain_decimal

_YEARS = 1900, 9000


@answered
def try_command(  # noqa: PLR0913, PLR0917 - one option each
    file: Annotated[Path | None, typer.Argument(help="Tariff file.")] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="Name of a tariff of the library, for a file.")
    ] = None,
    year: Annotated[
        int | None, typer.Option(help="Year to try; default: that of the tariff's first day.")
    ] = None,
    kwh: Annotated[
        str, typer.Option(help="Use of the year, shared over hours as a household's is. [kWh]")
    ] = "3500",
    table: Annotated[
        list[Path] | None, typer.Option(help="File of a lookup table that the tariff names.")
    ] = None,
    fact: Annotated[
        list[str] | None,
        typer.Option(help="Fact of the agreement, as NAME=VALUE, or NAME=VALUE@DAY from a day on."),
    ] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(
            help="Prices or factors that the tariff names, as NAME=CSV of start,value, or"
            " NAME=NUMBER for the same at all times."
        ),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(help="Events file, JSON lines with stream, id, at, value, fields."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a year of a tariff: calendar, prices by the hour, a bill a month for a household's load.

    Exit codes: 0 shown; 2 the tariff or an option is refused; 3 a month is held.
    """
    document = with_kept_tables(_read(file, source), given.tables_of(table))
    of_year = year or document.effective.year
    if not _YEARS[0] <= of_year <= _YEARS[1]:
        message = f"The year {of_year} cannot be tried."
        raise InvalidValueError(message, value=of_year)
    flat = [
        (name, number)
        for name, text in given.named(series, "series")
        if (number := plain_decimal(text)) is not None
    ]
    files = [option for option in series or () if plain_decimal(option.partition("=")[2]) is None]
    trial = Trial(
        of_year,
        _kwh(kwh),
        given.facts_of(fact),
        given.series_of(files, zone_info(document.zone)),
        flat,
        given.events_of(events) or {},
    )
    (version,) = versions_for([document], document.zone)
    try:
        tried = try_tariff(version, trial)
    except RatingHeldError as error:
        report_failure(error, as_json=as_json)
        raise typer.Exit(EXIT_HELD) from None
    if as_json:
        rows = {"calendar": tried.calendar, "prices": tried.prices}
        shown: dict[str, Any] = {name: list(map(_object, found)) for name, found in rows.items()}
        show(shown | to_object(document, tried.bills))
    else:
        _print(document, tried)


def _read(file: Path | None, source: str | None) -> TariffDocument:
    if (file is None) == (source is None):
        message = "Either a file or a tariff of the library is tried."
        raise InvalidValueError(message, remedy="Name a file, or give --from.")
    text, name = given.read_text(file) if file is not None else (library_text(str(source)), source)
    return read_tariff(text, str(name))[0]


def _kwh(text: str) -> Decimal:
    number = plain_decimal(text)
    if number is None or not 0 <= number < 10**12:
        message = f"{text!r} is not a use of a year."
        raise InvalidValueError(message, value=text, remedy="Write kWh, such as 3500.")
    return number


def _object(row: HourRow) -> dict[str, Any]:
    return {
        "schedule": row.schedule,
        "days": row.days,
        "first": row.first.isoformat(),
        "last": row.last.isoformat(),
        "hours": list(row.hours),
    }


def _print(document: TariffDocument, year: TariffYear) -> None:
    currency = document.currency.code
    typer.echo(f"{document.tariff} from {document.effective}: {document.title or ''}".rstrip(": "))
    for (schedule, kind), rows in groupby(year.calendar, lambda row: (row.schedule, row.days)):
        typer.echo(f"\n{schedule}, {kind or 'every day'}, by the hour of the clock")
        _print_hours(list(rows))
    for kind, rows in groupby(year.prices, lambda row: row.days):
        typer.echo(
            f"\n{currency}/kWh, {kind or 'every day'}: first step, before percents and taxes,"
            " without prices per interval"
        )
        _print_hours(list(rows))
    typer.echo()
    bills = [
        {
            "month": bill.billed.name,
            "kWh": f"{printed(bill.kwh):,.3f}",
            "net": f"{bill.amounts.net:,}",
            "taxes": f"{bill.amounts.tax:,}",
            "total": f"{bill.amounts.total:,}",
            "settled": "" if bill.amounts.settled is None else f"{bill.amounts.settled:,}",
        }
        for bill in year.bills
    ]
    listed(bills, as_json=False, nothing="")
    typer.echo(f"year {total_of(year.bills):,} {currency}")


def _print_hours(rows: Sequence[HourRow]) -> None:
    """The rows, those that follow one another and say the same as one."""
    lines = [
        {"": label} | {f"{hour:02}": text for hour, text in zip(range(HOURS), hours, strict=True)}
        for label, hours in _merged(rows)
    ]
    listed(lines, as_json=False, nothing="")


def _merged(rows: Sequence[HourRow]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for hours, group in groupby(rows, lambda row: row.hours):
        dates = list(group)
        yield f"{_day(dates[0].first)} to {_day(dates[-1].last)}", hours


def _day(day: date) -> str:
    return f"{day:%m-%d}"
