"""`meterline-central exceptions edit|estimate`: what a person decides of the days of findings."""

from __future__ import annotations

from central.cli.act_on_exceptions import Expect, Keys, Matching, Preview, Why, WhyCode, act_on
from central.cli.exceptions import exceptions
from central.cli.given_days import (
    FileZone,
    Intervals,
    Method,
    OverReadings,
    Total,
    ValuesFile,
    chosen_estimate,
    given_values,
)
from central.cli.output import ActingAs, AsJson, answered
from central.domain.reason_code import ReasonCode
from central.service.exceptions.edit import edit
from central.service.exceptions.estimate import estimate

__all__ = ["exceptions"]


@exceptions.command("edit")
@answered
def edit_command(  # noqa: PLR0913 - one option each
    *,
    keys: Keys = None,
    matching: Matching = None,
    expect: Expect = None,
    reason: Why,
    interval: Intervals = None,
    file: ValuesFile = None,
    zone: FileZone = None,
    reason_code: WhyCode = ReasonCode.OTHER,
    actor: ActingAs = None,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Give intervals of a finding's day other values; the versions before stay."""
    action = edit(given_values(interval, file, zone))
    act_on(
        (keys, matching, expect),
        action,
        reason,
        reason_code,
        actor,
        preview=preview,
        as_json=as_json,
    )


@exceptions.command("estimate")
@answered
def estimate_command(  # noqa: PLR0913 - one option each
    *,
    keys: Keys = None,
    matching: Matching = None,
    expect: Expect = None,
    reason: Why,
    method: Method = None,
    total: Total = None,
    reason_code: WhyCode = ReasonCode.OTHER,
    actor: ActingAs = None,
    over_readings: OverReadings = False,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Estimate what gaps lack, by a method; readings that come later replace it."""
    action = estimate(chosen_estimate(method, total, over_readings=over_readings))
    act_on(
        (keys, matching, expect),
        action,
        reason,
        reason_code,
        actor,
        preview=preview,
        as_json=as_json,
    )
