"""`meterline-central figures`: what a regulator asks for, month by month."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from central.cli.as_of import AsOf, known_time
from central.cli.output import AsJson, answered, listed, settings, show, wait_for
from central.domain.billing.cycle import Cycle
from central.process.stores import open_stores
from central.service.billing.change_settings import ChangeSettings
from central.service.billing.regulator_figures import MonthOfFigures, RegulatorFigures


@answered
def figures_command(
    *,
    month: Annotated[
        str | None, typer.Option(help="Newest month, such as 2026-10; default: the present one.")
    ] = None,
    months: Annotated[int, typer.Option(min=1, help="How many months, going back.")] = 3,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Show erroneous, estimated and touched bills, exceptions closed in time, and the read rate."""
    last = None if month is None else Cycle.parse(month)
    knowledge = known_time(as_of)

    async def work() -> tuple[MonthOfFigures, ...]:
        name = "meterline-figures"
        async with open_stores(settings(), name, max_size=2, knowledge=knowledge) as stores:

            def clock() -> datetime:
                return datetime.now(UTC) if knowledge is None else knowledge.at

            of_utility = ChangeSettings(stores.settings, clock)
            return await RegulatorFigures(stores.figures, of_utility, clock)(last, months)

    shown = wait_for(work())
    if as_json:
        show([each.to_json() for each in shown])
        return
    rows = [
        {
            "month": f"{each.month}, goes on" if each.goes_on else each.month,
            "figure": row["figure"].replace("_", " "),
            "count": row["count"],
            "of": row["of"],
            "percent": row["percent"],
            "target": row["target"],
            "met": {True: "yes", False: "no", None: None}[row["met"]],
        }
        for each in shown
        for row in (figure.to_json() for figure in each.figures)
    ]
    listed(rows, as_json=False, nothing="No month is shown.")
