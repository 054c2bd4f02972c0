"""Commands that show and set the policies of classes, whatever they judge."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Protocol

import typer

from central.cli.as_of import AsOf, known_time
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
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.policy_document import PolicySchema
from central.process.stores import Stores, open_stores
from central.service.class_policies import ClassPolicies
from central.service.ports.class_policies import ClassPolicyStore, RecordedPolicy

ClassName = Annotated[
    str, typer.Argument(help="Default class, such as electricity, or name of a group of points.")
]
DocumentFile = Annotated[Path, typer.Argument(help="Policy document, YAML or JSON.")]
Why = Annotated[str, typer.Option(help="Reason, for the audit log.")]
TrialMonth = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m"], help="Month of the days; default: the last one."),
]


class TrialCounts(Protocol):
    """What a draft does, by code."""

    before: Counter[str]
    raised: Counter[str]
    gone: Counter[str]


def trial_days(month: datetime | None) -> DayRange:
    """The days of a month; of the last one where none is named."""
    today = datetime.now(UTC).date()
    first = (month.date() if month else today.replace(day=1) - timedelta(days=1)).replace(day=1)
    return DayRange(first, (first + timedelta(days=31)).replace(day=1))


def print_trial(
    trial: TrialCounts,
    counts: Mapping[str, int],
    sentence: str,
    examples: list[dict[str, Any]],
    *,
    as_json: bool,
) -> None:
    """Print what a draft does.

    Args:
        trial: By code.
        counts: How much was judged, for JSON.
        sentence: The same as a sentence.
        examples: The first of each.
        as_json: Whether JSON is asked for.
    """
    rows = [
        {
            "code": code,
            "now": trial.before[code],
            "raised": trial.raised[code],
            "gone": trial.gone[code],
        }
        for code in sorted({*trial.before, *trial.raised})
    ]
    if as_json:
        show({**counts, "rules": rows, "examples": examples})
        return
    typer.echo(sentence)
    listed(rows, as_json=False, nothing="Neither raises anything.")
    if examples:
        listed(examples, as_json=False, nothing="")


class PolicyKind(NamedTuple):
    """What the policies of a group of commands judge.

    Args:
        name: What the server's activity view shows.
        schema: Of their documents.
        defaults: Names of the default classes.
        store: Where they are kept.
    """

    name: str
    schema: PolicySchema
    defaults: Collection[str]
    store: Callable[[Stores], ClassPolicyStore]

    def use(self, stores: Stores) -> ClassPolicies:
        """The use-cases."""
        return ClassPolicies(self.store(stores), self.defaults)


def policy_group(help_text: str, kind: PolicyKind) -> typer.Typer:
    """The commands `show` and `set` of some policies.

    Args:
        help_text: Of the group.
        kind: Which policies.
    """
    policy = group(help_text)

    @policy.command("show")
    @answered
    def show_command(
        class_name: Annotated[
            str | None, typer.Argument(metavar="CLASS", help="Default: all classes with a policy.")
        ] = None,
        as_of: AsOf = None,
        *,
        as_json: AsJson = False,
    ) -> None:
        """Show the versions of policies, the newest first. A class without one has the defaults."""
        knowledge = known_time(as_of)

        async def work() -> Sequence[RecordedPolicy]:
            async with open_stores(settings(), kind.name, knowledge=knowledge) as stores:
                if class_name is not None:
                    await kind.use(stores).require_class(class_name)
                return await kind.store(stores).policies(class_name)

        rows = [
            {
                "class": entry.policy.class_name,
                "version": entry.policy.version,
                "from": entry.policy.effective.isoformat(),
                "document": json.dumps(entry.policy.document.to_json()),
                "by": entry.actor,
                "at": entry.at.isoformat(),
                "reason": entry.reason,
            }
            for entry in wait_for(work())
        ]
        listed(rows, as_json=as_json, nothing="No policy is set.")

    @policy.command("set")
    @answered
    def set_command(  # noqa: PLR0913 - one option each
        class_name: ClassName,
        file: DocumentFile,
        first: Annotated[
            datetime,
            typer.Option("--from", formats=["%Y-%m-%d"], help="First local day it judges."),
        ],
        reason: Why,
        actor: ActingAs = None,
        *,
        as_json: AsJson = False,
    ) -> None:
        """Set the next version of a class's policy. What is judged already stays as it is."""
        document = kind.schema.parse(file.read_text(encoding="utf-8"))

        async def work() -> int:
            async with open_stores(settings(), kind.name) as stores:
                note = actor_of(actor), reason
                return await kind.use(stores).set_policy(class_name, document, first.date(), note)

        version = wait_for(work())
        if as_json:
            show({"class": class_name, "version": version, "document": document.to_json()})
        else:
            typer.echo(f"{class_name}: version {version} judges from {first:%Y-%m-%d} on.")

    return policy
