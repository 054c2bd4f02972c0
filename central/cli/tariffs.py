"""`meterline-central tariff`: check, add, correct, withdraw and list versions of tariffs."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from central.cli.as_of import AsOf, known_time
from central.cli.import_urdb import import_urdb_command
from central.cli.output import (
    ActingAs,
    AsJson,
    actor_of,
    answered,
    group,
    print_error,
    settings,
    show,
    wait_for,
)
from central.cli.tariff_library import library_command, new_command
from central.cli.try_tariff import try_command
from central.domain.actor import printed_name
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.refusal import TariffRefusedError
from central.domain.tariff.version import TariffVersion
from central.process.start import EXIT_REFUSED
from central.process.stores import open_stores
from central.service.ports.registry import TariffRevision
from central.service.registry.record_changes import Effect
from central.service.registry.register import Enrol
from central.service.registry.tariff_revisions import need_reason
from central.service.views.lookup import require_any
from firmware_bridge.contract.errors import InvalidValueError

tariffs = group("Check tariff documents, import URDB records; add, correct or withdraw a version.")
tariffs.command("import-urdb")(import_urdb_command)
tariffs.command("library")(library_command)
tariffs.command("new")(new_command)
tariffs.command("try")(try_command)
Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files to read.")]
Because = Annotated[str, typer.Option("--reason", help="Reason, which is kept.")]
_NAME = "meterline-tariff"


@tariffs.command("check")
@answered
def check_command(files: Files, *, as_json: AsJson = False) -> None:
    """Check tariff documents, and print every fault with its line."""
    refused = 0
    refusals = []
    for file in files:
        try:
            version = TariffVersion.of(load_tariff(file))
        except TariffRefusedError as error:
            refused += 1
            if as_json:
                refusals.append({"file": str(file), "error": error.as_object()})
            else:
                print_error(error.code, str(error))
            continue
        refusals.append(
            {
                "file": str(file),
                "tariff": version.tariff,
                "effective": version.effective.isoformat(),
                "sha256": version.sha256,
            }
        )
    if as_json:
        show(refusals)
    else:
        for row in refusals:
            typer.echo(f"{row['file']}: {row['tariff']} from {row['effective']}, {row['sha256']}")
    if refused:
        raise typer.Exit(EXIT_REFUSED)


@tariffs.command("add")
@answered
def add_command(
    files: Files,
    reason: Because = "",
    actor: ActingAs = None,
    *,
    correct: Annotated[
        bool, typer.Option("--correct", help="Correct versions of the same dates, with --reason.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add tariff versions. One that is there stays, or is corrected by another revision."""
    if correct:
        need_reason(reason)
    elif reason:
        message = "A reason is given, and nothing is to be corrected."
        raise InvalidValueError(message, value=reason, remedy="Give --correct as well.")

    async def work() -> list[tuple[Path, Effect, dict[str, str]]]:
        done = []
        async with open_stores(settings(), _NAME) as stores:
            for file in files:
                enrol = Enrol(stores.registry, actor_of(actor))
                text = file.read_text(encoding="utf-8")
                effect = await enrol.tariff(text, file.name, reason if correct else None)
                concerned = {what: str(bills) for what, bills in enrol.concerned.items()}
                done.append((file, effect, concerned))
        return done

    done = wait_for(work())
    if as_json:
        show(
            [
                {"file": str(file), "effect": effect, "concerned": list(concerned.values())}
                for file, effect, concerned in done
            ]
        )
    else:
        for file, effect, concerned in done:
            typer.echo("; ".join([f"{file}: {effect}", *concerned.values()]))


@tariffs.command("withdraw")
@answered
def withdraw_command(
    name: Annotated[str, typer.Argument(help="Name of the tariff.")],
    effective: Annotated[
        datetime, typer.Argument(formats=["%Y-%m-%d"], help="First day of the version.")
    ],
    reason: Because,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Withdraw a version that was entered by mistake; the one before it holds on."""
    day: date = effective.date()

    async def work() -> list[str]:
        async with open_stores(settings(), _NAME) as stores:
            enrol = Enrol(stores.registry, actor_of(actor))
            await enrol.withdraw_tariff(name, day, reason)
            return [str(bills) for bills in enrol.concerned.values()]

    concerned = wait_for(work())
    if as_json:
        show({"withdrawn": name, "effective": day.isoformat(), "concerned": concerned})
    else:
        typer.echo("; ".join([f"{name} from {day}: withdrawn", *concerned]))


@tariffs.command("list")
@answered
def list_command(
    name: Annotated[str | None, typer.Argument(help="Name of the tariff; default: all.")] = None,
    as_of: AsOf = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List tariff versions with their revisions: what was recorded, when, by whom and why."""
    knowledge = known_time(as_of)

    async def work() -> tuple[TariffRevision, ...]:
        async with (
            open_stores(settings(), _NAME, knowledge=knowledge) as stores,
            stores.registry.transaction() as registry,
        ):
            history = await registry.tariff_history(name)
            require_any(history, "tariff", name, "`tariff list` shows all.")
            return history

    revisions = [_object(revision) for revision in wait_for(work())]
    if as_json:
        show(revisions)
        return
    for entry in revisions:
        withdrawn = ", withdrawn" if entry["withdrawn"] else ""
        why = f": {entry['reason']}" if entry["reason"] else ""
        typer.echo(
            f"{entry['tariff']} from {entry['effective']}, revision {entry['revision']}{withdrawn},"
            f" {entry['recorded_at']} by {entry['recorded_by']}{why}"
        )


def _object(revision: TariffRevision) -> dict[str, object]:
    record = revision.record
    return {
        "tariff": record.name,
        "effective": record.effective.isoformat(),
        "revision": record.revision,
        "withdrawn": record.withdrawn,
        "sha256": record.sha256,
        "currency": record.currency,
        "recorded_at": revision.recorded_at.isoformat(),
        "recorded_by": printed_name(revision.recorded_by),
        "reason": revision.reason,
    }
