"""`meterline-central consumption`: what is used, as figures, profile, changes and losses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from central.cli.output import AsJson, answered, group, listed, settings, show, wait_for
from central.domain.consumption.change import RankedBy
from central.domain.rating.inputs.segments import DayRange
from central.process.stores import open_stores
from central.service.consumption.changes import CHANGES_MOST, show_changes
from central.service.consumption.figures import ConsumptionBy, ConsumptionFigures
from central.service.consumption.losses import show_losses
from central.service.consumption.profile import show_profile
from central.service.ports.consumption import LoadOf
from central.service.spreadsheet import written_csv
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import ACTIVE_IMPORT, Obis

consumption = group("Show what is used: figures until now, load profiles, changes and losses.")
Answer = TypeVar("Answer")
_DAY = ["%Y-%m-%d"]
Point = Annotated[str | None, typer.Option(help="A service point.")]
Account = Annotated[str | None, typer.Option(help="Number of an account.")]
Group = Annotated[str | None, typer.Option("--group", help="A group of points or accounts.")]
Tariff = Annotated[str | None, typer.Option(help="The days on which this tariff is agreed.")]
From = Annotated[datetime, typer.Option("--from", formats=_DAY, help="First local day.")]
To = Annotated[
    datetime | None,
    typer.Option("--to", formats=_DAY, help="Day after the last; default: tomorrow."),
]
Counted = Annotated[str, typer.Option("--obis", help="What is counted, such as 1-0:1.8.0.")]
ToCsv = Annotated[
    Path | None,
    typer.Option("--csv", dir_okay=False, help="File to write as CSV; one that is there goes."),
]
By = Annotated[ConsumptionBy, typer.Option(help="What a row is of.")]


@consumption.command("show")
@answered
def show_command(  # noqa: PLR0913, PLR0917 - one option each
    first: From,
    end: To = None,
    point: Point = None,
    account: Account = None,
    of_group: Group = None,
    tariff: Tariff = None,
    by: By = ConsumptionBy.DAY,
    obis: Counted = str(ACTIVE_IMPORT),
    to_csv: ToCsv = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what is used by interval, hour, day or month, from closed days and readings since."""
    kind, subject = _subject(point, account, of_group, tariff)
    days, counted = _days(first, end), Obis.parse(obis)
    shown = _asked(lambda figures: figures(kind, subject, days, by, counted))
    _printed(shown.to_json(), shown.rows(), to_csv, as_json=as_json)


@consumption.command("profile")
@answered
def profile_command(  # noqa: PLR0913, PLR0917 - one option each
    first: From,
    end: To = None,
    point: Point = None,
    account: Account = None,
    of_group: Group = None,
    tariff: Tariff = None,
    obis: Counted = str(ACTIVE_IMPORT),
    to_csv: ToCsv = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show the average day by hour, on weekdays and at weekends, highest load and load factor."""
    kind, subject = _subject(point, account, of_group, tariff)
    days, counted = _days(first, end), Obis.parse(obis)
    shown = _asked(lambda figures: show_profile(figures, kind, subject, days, counted))
    _printed(shown.to_json(), shown.hours(), to_csv, as_json=as_json)
    if not as_json and to_csv is None:
        profile = shown.to_json()
        typer.echo(
            f"Mean load {profile['mean_load']} {shown.load_unit}, highest {profile['max_load']}"
            f" {shown.load_unit} at {profile['max_load_at']}, load factor {profile['load_factor']}."
        )


@consumption.command("changes")
@answered
def changes_command(  # noqa: PLR0913, PLR0917 - one option each
    before_first: Annotated[
        datetime, typer.Option("--before-from", formats=_DAY, help="First day of the earlier one.")
    ],
    before_end: Annotated[
        datetime, typer.Option("--before-to", formats=_DAY, help="Day after its last.")
    ],
    first: From,
    end: To = None,
    account: Account = None,
    of_group: Group = None,
    tariff: Tariff = None,
    ranked: Annotated[RankedBy, typer.Option("--by", help="What counts.")] = RankedBy.ABSOLUTE,
    limit: Annotated[int, typer.Option(min=1, max=CHANGES_MOST, help="How many.")] = 20,
    obis: Counted = str(ACTIVE_IMPORT),
    to_csv: ToCsv = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show whose use a day changed most from one period to another; default: of all points."""
    kind, subject = _subject(None, account, of_group, tariff, or_all=True)
    periods = _days(before_first, before_end), _days(first, end)
    counted = Obis.parse(obis)
    shown = _asked(
        lambda figures: show_changes(figures.loads, kind, subject, periods, ranked, limit, counted)
    )
    _printed(shown.to_json(), shown.rows(), to_csv, as_json=as_json)


@consumption.command("losses")
@answered
def losses_command(  # noqa: PLR0913, PLR0917 - one option each
    name: Annotated[str, typer.Argument(help="Group of the points behind the feeder.")],
    feeder: Annotated[str, typer.Option(help="Service point that counts for all of them.")],
    first: From,
    end: To = None,
    by: By = ConsumptionBy.DAY,
    to_csv: ToCsv = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what a feeder delivers and the points behind it do not use."""
    days = _days(first, end)
    shown = _asked(lambda figures: show_losses(figures, name, feeder, days, by))
    _printed(shown.to_json(), shown.table(), to_csv, as_json=as_json)


def _subject(
    point: str | None,
    account: str | None,
    of_group: str | None,
    tariff: str | None,
    *,
    or_all: bool = False,
) -> tuple[LoadOf, str]:
    subjects = {
        LoadOf.POINT: point,
        LoadOf.ACCOUNT: account,
        LoadOf.GROUP: of_group,
        LoadOf.TARIFF: tariff,
    }
    given = [(kind, subject) for kind, subject in subjects.items() if subject is not None]
    if or_all and not given:
        return LoadOf.ALL, ""
    if len(given) != 1:
        remedy = "Give one of --point, --account, --group and --tariff."
        raise InvalidValueError("Figures have one subject.", remedy=remedy)
    return given[0]


def _days(first: datetime, end: datetime | None) -> DayRange:
    tomorrow: date = datetime.now(UTC).date() + timedelta(days=2)
    return DayRange(first.date(), tomorrow if end is None else end.date())


def _printed(
    document: dict[str, Any],
    rows: Sequence[dict[str, Any]],
    to_csv: Path | None,
    *,
    as_json: bool,
) -> None:
    if to_csv is not None:
        to_csv.write_text(written_csv(rows), encoding="utf-8", newline="")
    if as_json:
        show(document)
    elif to_csv is not None:
        typer.echo(f"{to_csv}: {len(rows)} rows.")
    else:
        listed(list(rows), as_json=False, nothing="Nothing was counted.")


def _asked(ask: Callable[[ConsumptionFigures], Awaitable[Answer]]) -> Answer:
    async def work() -> Answer:
        async with open_stores(settings(), "meterline-consumption", max_size=2) as stores:
            return await ask(ConsumptionFigures(stores.consumption, stores.validation))

    return wait_for(work())
