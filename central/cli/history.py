"""`meterline-central registry history`: what the registry said, revision by revision."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from central.cli.as_of import AsOf, known_time
from central.cli.output import AsJson, answered, group, settings, show, wait_for
from central.domain.actor import printed_name
from central.process.stores import open_stores
from central.service.ports.registry_revisions import RegistryRevision
from central.service.views.lookup import require_any

histories = group("Show what the registry said, and when.")


class RevisedKind(StrEnum):
    """What has revisions in the registry."""

    SELLER = "seller"
    SERVICE_POINT = "service_point"
    SERVICE = "service"
    INSTALLATION = "installation"
    ACCOUNT = "account"
    AGREEMENT = "agreement"


@histories.command("history")
@answered
def history_command(
    kind: Annotated[RevisedKind, typer.Argument(help="What to show.")],
    name: Annotated[
        str | None, typer.Argument(help="Which, as the list names it; default: all.")
    ] = None,
    as_of: AsOf = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List revisions: what was recorded, when, by whom and why; or what was known at a time."""
    knowledge = known_time(as_of)

    async def work() -> tuple[RegistryRevision, ...]:
        async with (
            open_stores(settings(), "meterline-registry", knowledge=knowledge) as stores,
            stores.registry.transaction() as registry,
        ):
            revisions = await registry.revisions(kind.value, name)
            remedy = f"`registry history {kind.value}` shows all."
            require_any(revisions, kind.value.replace("_", " "), name, remedy)
            return revisions

    revisions = [_object(revision) for revision in wait_for(work())]
    if as_json:
        show(revisions)
        return
    before: dict[object, dict[str, object]] = {}
    for entry in revisions:
        recorded = f"{entry['recorded_at']} by {entry['recorded_by']}"
        when = recorded if entry["recorded_at"] else "before revisions were kept"
        why = f": {entry['reason']}" if entry["reason"] else ""
        withdrawn = ", withdrawn" if entry["withdrawn"] else ""
        typer.echo(f"{entry['subject']}, revision {entry['revision']}{withdrawn}, {when}{why}")
        content = _fields(entry["content"])
        for line in _changed(before.get(entry["subject"], {}), content):
            typer.echo(f"  {line}")
        before[entry["subject"]] = content


def _fields(content: object) -> dict[str, object]:
    """What a revision says, by field."""
    return content if isinstance(content, dict) else {"content": content}


def _changed(before: dict[str, object], content: dict[str, object]) -> Iterator[str]:
    """The fields of a revision that say something else than the one before it."""
    for name in {**before, **content}:
        old, new = before.get(name), content.get(name)
        if name not in before and new not in ("", None, [], {}):
            yield f"{name}: {_words(new)}"
        elif name in before and old != new:
            yield f"{name}: {_words(new)} (was {_words(old)})"


def _words(value: object) -> str:
    if value in ("", None, [], {}):
        return "none"
    if isinstance(value, list):
        return "; ".join(map(_words, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(each)}" for name, each in value.items())
    return str(value)


def _object(revision: RegistryRevision) -> dict[str, object]:
    at, key = revision.recorded_at, revision.recorded_by
    return {
        "subject": revision.subject,
        "revision": revision.revision,
        "recorded_at": None if at is None else at.isoformat(),
        "recorded_by": None if key is None else printed_name(key),
        "reason": revision.reason,
        "withdrawn": revision.withdrawn,
        "content": revision.content,
    }
