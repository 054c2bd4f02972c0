"""`meterline-central rate`: price what meters counted under a tariff. Mounted by `central.cli`."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from central.cli.output import EXIT_HELD, answered
from central.cli.rate_output import print_bills
from central.cli.rate_request import RateRequest, answer_case
from central.service.rating.bill_case import BillDiffersError
from central.service.rating.priced_bills import to_object
from central.service.rating.rate_bills import RatingHeldError
from firmware_bridge.command_line import report_failure
from firmware_bridge.contract.errors import InvalidValueError


class UnitName(StrEnum):
    """Units of the load file."""

    KW = "kW"
    KWH = "kWh"


class CalendarName(StrEnum):
    """Calendars that a load can follow."""

    LOCAL = "local"
    NAIVE = "naive"


_DAY = ["%Y-%m-%d"]


@answered
def rate_command(  # noqa: PLR0913, PLR0917 - one option each
    tariff: Annotated[
        list[Path] | None,
        typer.Option(
            help="Tariff file: Meterline YAML or JSON, or URDB JSON; several are versions of one."
        ),
    ] = None,
    load: Annotated[
        Path | None, typer.Option(help="Load file: one number per line, the input `import`.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Local start of the load, such as 2018-01-01T00:00.")
    ] = None,
    step_minutes: Annotated[
        int | None, typer.Option(help="Length of a step of the load: 60, 30, 15 or 5. [minutes]")
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(help="Time zone, such as Europe/Madrid; default: that of the tariff."),
    ] = None,
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
    counted: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            help="What a meter counted, as NAME=CSV of start,value in kWh, kvarh, kVAh or m3."
            " NAME is import, export, kvarh, kvah, m3 or another that the tariff reads.",
        ),
    ] = None,
    reads: Annotated[
        list[str] | None,
        typer.Option(help="Registers that were read, as NAME=CSV of start,value; shared evenly."),
    ] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(help="Prices or factors that the tariff names, as NAME=CSV of start,value."),
    ] = None,
    table: Annotated[
        list[Path] | None, typer.Option(help="File of a lookup table that the tariff names.")
    ] = None,
    fact: Annotated[
        list[str] | None,
        typer.Option(help="Fact of the agreement, as NAME=VALUE, or NAME=VALUE@DAY from a day on."),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(help="Events file, JSON lines with stream, id, at, value, fields."),
    ] = None,
    grant: Annotated[
        list[str] | None,
        typer.Option(
            help="Money paid into a bank or `prepaid`, as BANK=AMOUNT@DAY, or with the day on"
            " which it lapses, BANK=AMOUNT@DAY/EXPIRES."
        ),
    ] = None,
    opening: Annotated[
        Path | None,
        typer.Option(help="State that the first bill opens with: what `rate --json` printed."),
    ] = None,
    period: Annotated[
        list[str] | None,
        typer.Option(
            help="Period of a bill: 2026-10, 2026-10@15, or FIRST..END/MONTHS such as"
            " 2026-02-18..2026-04-18/2, END not in it; default: calendar months."
        ),
    ] = None,
    first: Annotated[
        datetime | None,
        typer.Option(formats=_DAY, help="First day that is billed, as of a move-in."),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option(formats=_DAY, help="The day after the last that is billed."),
    ] = None,
    issued: Annotated[
        datetime | None,
        typer.Option(
            formats=_DAY,
            help="Day of issue, for taxes that go by it; default: the day after the bill's last.",
        ),
    ] = None,
    due: Annotated[
        datetime | None,
        typer.Option(formats=_DAY, help="Day of payment, likewise; default: the day of issue."),
    ] = None,
    successor: Annotated[
        Path | None, typer.Option(help="File of the tariff that follows the last bill.")
    ] = None,
    case: Annotated[
        Path | None,
        typer.Option(
            help="File that says tariff, days, load and facts of one bill, as the worked examples"
            " do; what else it says of lines and total is compared."
        ),
    ] = None,
    line: Annotated[
        list[str] | None, typer.Option(help="Id or key of a line: print this one alone.")
    ] = None,
    *,
    final: Annotated[bool, typer.Option(help="The occupancy ends with the last bill.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print the intervals that each line is made from.")
    ] = False,
    totals: Annotated[
        bool, typer.Option("--totals", help="Print what each bill comes to, without its lines.")
    ] = False,
    unrounded: Annotated[bool, typer.Option(help="Do not round the lines.")] = False,
    reference: Annotated[
        bool,
        typer.Option(help="Ignore the fields that the reference (PySAM) ignores, and list them."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Price what meters counted under a tariff, bill by bill, with every line.

    Exit codes: 0 priced; 2 the tariff, a file or an option is refused, or a case comes out in
    another way than it says; 3 a bill is held.
    """
    try:
        if case is not None:
            _refuse_beside_case(tariff=tariff, load=load, input=counted, reads=reads)
            answer = answer_case(case)
        else:
            answer = RateRequest(
                tariffs=tariff or (),
                load=load,
                start=start,
                step_minutes=step_minutes,
                zone=zone,
                unit="kW" if unit is UnitName.KW else "kWh",
                gen=gen,
                record=record,
                naive=calendar is CalendarName.NAIVE,
                counted=counted,
                reads=reads,
                series=series,
                facts=fact,
                events=events,
                grants=grant,
                opening=opening,
                periods=period,
                first=None if first is None else first.date(),
                end=None if end is None else end.date(),
                issued=None if issued is None else issued.date(),
                due=None if due is None else due.date(),
                successor=successor,
                final=final,
                rounded=not unrounded,
                reference=reference,
                tables=table or (),
            ).answer()
    except RatingHeldError as error:
        report_failure(error, as_json=as_json)
        raise typer.Exit(EXIT_HELD) from None
    if as_json:
        value = to_object(
            answer.document, answer.bills, lines=line or (), explained=explain, events=answer.events
        )
        json.dump(value, sys.stdout)
        sys.stdout.write("\n")
    else:
        print_bills(answer, lines=line or (), explained=explain, totals_alone=totals)
    if answer.faults:
        message = f"{answer.bills[0].billed.name} differs: {'; '.join(answer.faults)}."
        raise BillDiffersError(message, value=list(answer.faults))


def _refuse_beside_case(**options: object) -> None:
    beside = [f"--{name}" for name, value in options.items() if value]
    if beside:
        message = f"A case says all of its bill, and {', '.join(beside)} is given as well."
        raise InvalidValueError(message, value=beside, remedy="Leave one of them out.")
