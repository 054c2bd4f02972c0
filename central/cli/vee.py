"""`meterline-central vee`: the rules that judge days, their policies, and storms."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from central.cli.as_of import AsOf, instant_of, known_time
from central.cli.class_policies import (
    ClassName,
    DocumentFile,
    PolicyKind,
    TrialMonth,
    Why,
    policy_group,
    print_trial,
    trial_days,
)
from central.cli.output import (
    ActingAs,
    AsJson,
    actor_of,
    answered,
    group,
    listed,
    settings,
    show,
    wait_for,
)
from central.domain.vee.catalogue import KINDS
from central.domain.vee.channel_class import DEFAULT_POLICIES
from central.domain.vee.finding import FindingKind
from central.domain.vee.policies_in_force import Storm
from central.domain.vee.policy_document import VEE_SCHEMA
from central.domain.vee.rule import VeeRule
from central.domain.vee.threshold_text import threshold_text
from central.process.stores import open_stores
from central.service.validation.policies import STORM_RULES, Policies
from central.service.validation.try_policy import PolicyTrial, TryPolicy

vee = group("List the rules of validation, set their policies, and suspend them in storms.")
policy = policy_group(
    "Show, try and set how a class of channels is judged.",
    PolicyKind("meterline-vee", VEE_SCHEMA, DEFAULT_POLICIES, lambda stores: stores.policies),
)
vee.add_typer(policy, name="policy")
Instant = Annotated[str, typer.Option(help="With its offset, such as 2026-10-29T18:00+01:00.")]


class TextLanguage(StrEnum):
    """A language of the rules' texts."""

    ENGLISH = "en"
    SPANISH = "es"


@vee.command("rules")
@answered
def rules_command(
    language: Annotated[
        TextLanguage, typer.Option(help="Language of the texts.")
    ] = TextLanguage.ENGLISH,
    *,
    as_json: AsJson = False,
) -> None:
    """List all findings of validation: code, severity, when, and thresholds with their defaults."""
    rows = [_row(kind, language) for kind in KINDS]
    listed(rows, as_json=as_json, nothing="There is no rule.")


def _row(kind: FindingKind, language: TextLanguage) -> dict[str, Any]:
    thresholds = kind.thresholds if isinstance(kind, VeeRule) else ()
    return {
        "code": kind.code,
        "severity": kind.severity.value,
        "accepted": kind.accepted,
        "when": getattr(kind.text, language.value),
        "thresholds": ", ".join(
            f"{entry.name} {threshold_text(entry.default)}" for entry in thresholds
        ),
    }


@policy.command("trial")
@answered
def trial_command(
    class_name: ClassName,
    file: DocumentFile,
    month: TrialMonth = None,
    channels: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Channels at most, the oldest first.")
    ] = 200,
    *,
    as_json: AsJson = False,
) -> None:
    """Judge a month's closed days by a draft, and list what it raises and no longer raises.

    Nothing is changed.
    """
    document = VEE_SCHEMA.parse(file.read_text(encoding="utf-8"))
    days = trial_days(month)

    async def work() -> PolicyTrial:
        async with open_stores(settings(), "meterline-vee") as stores:
            await Policies(stores.policies).require_class(class_name)
            tried = TryPolicy(stores.policies, stores.validation)
            return await tried(class_name, document, days, channels)

    _print_trial(wait_for(work()), as_json=as_json)


def _print_trial(trial: PolicyTrial, *, as_json: bool) -> None:
    examples = [
        {
            "change": "raised" if entry.is_raised else "gone",
            "code": entry.finding.code,
            "point": entry.point,
            "day": entry.day.day.isoformat(),
            "message": entry.finding.message,
        }
        for entry in trial.examples
    ]
    counts = {"channels": trial.channels, "days": trial.days}
    sentence = f"{trial.days} days of {trial.channels} channels were judged."
    print_trial(trial, counts, sentence, examples, as_json=as_json)


@vee.command("storms")
@answered
def storms_command(as_of: AsOf = None, *, as_json: AsJson = False) -> None:
    """List storms, the newest first."""
    knowledge = known_time(as_of)

    async def work() -> Sequence[Storm]:
        async with open_stores(settings(), "meterline-vee", knowledge=knowledge) as stores:
            return await stores.policies.storms()

    rows = [
        {
            "storm": entry.id,
            "group": entry.group,
            "from": entry.start.isoformat(),
            "until": None if entry.end is None else entry.end.isoformat(),
            "rules": ", ".join(sorted(entry.rules)),
            "reason": entry.reason,
        }
        for entry in wait_for(work())
    ]
    listed(rows, as_json=as_json, nothing="There is no storm.")


@vee.command("start-storm")
@answered
def start_storm_command(  # noqa: PLR0913, PLR0917 - one option each
    group_name: Annotated[str, typer.Argument(metavar="GROUP", help="Group of points.")],
    begin: Annotated[str, typer.Option("--from", help="Such as 2026-10-29T18:00+01:00.")],
    reason: Why,
    until: Annotated[
        str | None, typer.Option(help="Such as 2026-10-31T06:00+01:00; default: not known yet.")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(help="Code of a rule that is suspended; default: what an outage sets off."),
    ] = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Suspend rules for the points of a group. Closed days of it are validated again."""
    span = instant_of(begin), None if until is None else instant_of(until)

    async def work() -> int:
        async with open_stores(settings(), "meterline-vee") as stores:
            use, note = Policies(stores.policies), (actor_of(actor), reason)
            return await use.start_storm(group_name, span, note, rule or STORM_RULES)

    storm = wait_for(work())
    if as_json:
        show({"storm": storm, "group": group_name})
    else:
        typer.echo(f"Storm {storm} suspends rules for {group_name}.")


@vee.command("end-storm")
@answered
def end_storm_command(
    storm: Annotated[int, typer.Argument(help="Number of the storm in `vee storms`.")],
    at: Instant,
    reason: Why,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say when a storm ended. The days that this changes are validated again."""
    end = instant_of(at)

    async def work() -> None:
        async with open_stores(settings(), "meterline-vee") as stores:
            await Policies(stores.policies).end_storm(storm, end, (actor_of(actor), reason))

    wait_for(work())
    if as_json:
        show({"storm": storm, "until": end.isoformat()})
    else:
        typer.echo(f"Storm {storm} ended at {end.isoformat()}.")
