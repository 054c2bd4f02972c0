"""`meterline-central exceptions assign-point|dismiss`: what is done about events of nobody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from central.cli.act_on_exceptions import Expect, Keys, Matching, Preview, Why, WhyCode, act_on
from central.cli.exception_days import exceptions
from central.cli.output import ActingAs, AsJson, answered
from central.domain.reason_code import ReasonCode
from central.service.exceptions.subject_events import assign_point, dismiss

__all__ = ["exceptions"]


@exceptions.command("assign-point")
@answered
def assign_point_command(  # noqa: PLR0913 - one option each
    *,
    keys: Keys = None,
    matching: Matching = None,
    expect: Expect = None,
    reason: Why,
    point: Annotated[str, typer.Option(help="Service point.")],
    first: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First local day there.")
    ],
    until: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Day after the last; default: no end."),
    ] = None,
    reason_code: WhyCode = ReasonCode.OTHER,
    actor: ActingAs = None,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Say to which service point the events of subjects belong, from a day on."""
    action = assign_point(point, first.date(), None if until is None else until.date())
    act_on(
        (keys, matching, expect),
        action,
        reason,
        reason_code,
        actor,
        preview=preview,
        as_json=as_json,
    )


@exceptions.command("dismiss")
@answered
def dismiss_command(  # noqa: PLR0913 - one option each
    *,
    keys: Keys = None,
    matching: Matching = None,
    expect: Expect = None,
    reason: Why,
    reason_code: WhyCode = ReasonCode.OTHER,
    actor: ActingAs = None,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Say that the events of subjects that wait concern nobody; later ones wait again."""
    act_on(
        (keys, matching, expect),
        dismiss,
        reason,
        reason_code,
        actor,
        preview=preview,
        as_json=as_json,
    )
