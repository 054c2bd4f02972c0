"""`meterline-central backup` and `restore`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from central.adapters.anchor_file import read_anchors
from central.adapters.timescale.backup import PostgresBackups, sha256_of
from central.cli.output import (
    EXIT_HELD,
    ActingAs,
    AsJson,
    actor_of,
    answered,
    settings,
    show,
    wait_for,
)
from central.service.backups import Backup, Backups, Restored, read_manifest

ProgramsIn = Annotated[
    Path | None,
    typer.Option(help="Folder of pg_dump, pg_restore and their like; default: PATH."),
]


@answered
def backup_command(
    folder: Annotated[Path, typer.Argument(help="Folder to write into.")],
    *,
    server: Annotated[
        bool,
        typer.Option(
            "--server", help="Copy the whole server with its log, in place of the database alone."
        ),
    ] = False,
    programs: ProgramsIn = None,
    by: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """Write a backup with a manifest of what it holds, as the database's owner."""

    async def work() -> Backup:
        return await _backups(programs, by).take(folder, of_server=server)

    taken = wait_for(work())
    manifest = taken.manifest
    if as_json:
        show({"path": str(taken.path), **manifest.to_json()})
        return
    rows = sum(manifest.rows.values())
    typer.echo(f"{taken.path}: {rows:,} rows of {len(manifest.rows)} tables.")


@answered
def restore_command(  # noqa: PLR0913 - one option each
    path: Annotated[Path, typer.Argument(help="The backup, its manifest beside it.")],
    *,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Only compare the database with what the backup held, such as after a restore of"
            " the whole server.",
        ),
    ] = False,
    close_doors: Annotated[
        bool,
        typer.Option(
            "--close-doors",
            help="With --compare: also end all open codes and sign-ins, as a restore does.",
        ),
    ] = False,
    programs: ProgramsIn = None,
    by: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into an empty database, as its owner, and check what it says.

    Codes of gateways and people that nobody has used, and sign-ins, are ended: some of them were
    used or ended after the backup.

    Exit code 3 if the database says something else than the backup held.
    """
    file = settings().audit_anchor_file
    anchored = {} if file is None or not file.exists() else read_anchors(file)

    async def work() -> Restored:
        backups = _backups(programs, by)
        if compare:
            restored = await backups.compare(read_manifest(path), anchored)
            return (
                replace(restored, closed=await backups.close_doors()) if close_doors else restored
            )
        return await backups.restore(path, sha256_of, anchored)

    restored = wait_for(work())
    if as_json:
        show(
            {
                "taken_at": restored.manifest.taken_at.isoformat(),
                "rows": sum(restored.manifest.rows.values()),
                "differences": list(restored.differences),
                "seals_lost": restored.seals_lost,
                "closed": dict(restored.closed),
            }
        )
    else:
        _print(restored)
    if restored.differences:
        raise typer.Exit(EXIT_HELD)


def _print(restored: Restored) -> None:
    manifest = restored.manifest
    for sentence in restored.differences:
        typer.echo(sentence)
    if not restored.differences:
        typer.echo(
            f"{sum(manifest.rows.values()):,} rows of {len(manifest.rows)} tables and all hashes"
            " are those of the backup."
        )
    typer.echo(
        f"Taken {manifest.taken_at:%Y-%m-%d %H:%M:%S%z}. Gateways send again what came"
        " since, as far as they have it; what they no longer have is reported as LOST_RANGE."
    )
    if restored.seals_lost is None:
        typer.echo(
            "What people and jobs did since is lost; no anchors of the audit log say how much."
        )
    else:
        typer.echo(
            f"What people and jobs did since is lost: {restored.seals_lost} rows of the audit log."
        )

    if restored.closed:
        closed = ", ".join(
            f"{count} {what.replace('_', ' ')}" for what, count in restored.closed.items()
        )
        typer.echo(f"Ended: {closed}. `doctor` names certificates whose revocation is lost.")


def _backups(programs: Path | None, by: str | None) -> Backups:
    store = PostgresBackups(settings().owner_dsn(), programs)
    return Backups(store, lambda: datetime.now(UTC), actor_of(by))
