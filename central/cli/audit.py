"""`meterline-central audit list|verify`: who did what, and whether the log still says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from central.adapters.anchor_file import kept_anchors, parse_anchor, read_anchors
from central.adapters.audit_heads import read_heads
from central.adapters.signing_key import FileKey
from central.cli.output import (
    EXIT_HELD,
    AsJson,
    answered,
    group,
    print_error,
    settings,
    show,
    wait_for,
)
from central.config.secret import SettingMissingError
from central.domain.actor import printed_name
from central.process.stores import open_stores
from central.service.audit.row_text import changed_fields, reason_of
from central.service.audit.verify import UNSEALED_FOR, VerifiedLog, verify_audit
from central.service.ports.audit import AuditFilter, AuditRow

app = group("List and verify the audit log.")
Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="UTC day or time."),
]


@app.command("list")
@answered
def list_command(  # noqa: PLR0913 - one option each
    *,
    subject: Annotated[
        str | None, typer.Option(help="Select what was done to this, such as an account's number.")
    ] = None,
    actor: Annotated[
        str | None,
        typer.Option(help="Select what they did: ana, token:operator, job:validate."),
    ] = None,
    action: Annotated[
        str | None, typer.Option(help="Select this action, such as bill.issued, or all of `bill`.")
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(help="Select what was done from there: 203.0.113.7, or ana@host."),
    ] = None,
    since: Day = None,
    until: Day = None,
    before: Annotated[
        int | None,
        typer.Option(min=1, max=2**63 - 1, help="Select rows before the one of this number."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Maximum number of rows.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the audit log, newest first: who did what to what, with old and new values."""
    who = None if actor is None else actor.removeprefix("person:")
    wanted = AuditFilter(subject, who, action, _utc(since), _utc(until), before, origin)

    async def work() -> list[AuditRow]:
        async with open_stores(settings(), "meterline-audit") as stores:
            return await stores.audit.rows(wanted, limit)

    rows = wait_for(work())
    if as_json:
        show([_object(row) for row in rows])
        return
    for row in rows:
        _print(row)
    if not rows:
        typer.echo("No row of the audit log is like that.")


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def _object(row: AuditRow) -> dict[str, Any]:
    return {
        "row": row.id,
        "at": row.at.isoformat(timespec="seconds"),
        "actor": row.actor,
        "via": row.via,
        "origin": row.origin,
        "action": row.action,
        "subject": row.subject,
        "seal": row.seal,
        **row.detail,
    }


def _print(row: AuditRow) -> None:
    """A row for people: what was done in one line, then why, then each field before and after."""
    way = ", ".join(text for text in (row.via, row.origin) if text)
    who = printed_name(row.actor) + (f" ({way})" if way else "")
    at = f"{row.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    typer.echo(f"{row.id}  {at}  {who}  {row.action}  {row.subject}")
    if (reason := reason_of(row)) is not None:
        typer.echo(f"   because: {reason}")
    for field in changed_fields(row):
        values = [value for value in (field.old, field.new) if value is not None]
        typer.echo(f"   {field.name or 'all'}: {' -> '.join(values)}")


@app.command("verify")
@answered
def verify_command(
    anchor: Annotated[
        list[str] | None,
        typer.Option(
            help="File of anchors, or `number:hash` as a document prints it; default:"
            " METERLINE_AUDIT_ANCHOR_FILE."
        ),
    ] = None,
    heads: Annotated[
        Path | None,
        typer.Option(
            help="Folder of signed heads, one a day; default: METERLINE_AUDIT_HEAD_FOLDER.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    head_key: Annotated[
        str | None,
        typer.Option(help="Public key that signed them, 64 hexadecimal digits."),
    ] = None,
    unsealed_s: Annotated[
        float, typer.Option(min=0, help="Seconds that a row may wait for its seal.")
    ] = UNSEALED_FOR.total_seconds(),
    *,
    as_json: AsJson = False,
) -> None:
    """Verify every row of the audit log and its seal, and compare with what was anchored.

    Exit code 3 if it does not hold; the first broken row is named.
    """
    anchors = _anchors(anchor) | _signed_heads(heads, head_key)

    async def work() -> VerifiedLog:
        async with open_stores(settings(), "meterline-audit") as stores:
            patience = timedelta(seconds=unsealed_s)
            return await verify_audit(stores.audit, anchors, datetime.now(UTC), patience)

    verified = wait_for(work())
    broken = verified.broken
    if as_json:
        fields = {
            "seals": verified.head.number,
            "head": str(verified.head),
            "anchors": len(anchors),
        }
        if broken is not None:
            where = {"seal": broken.number, "row": broken.row_id}
            fields |= {"broken": {"code": broken.code, "message": broken.message, **where}}
        show(fields)
    elif broken is None:
        typer.echo(f"{verified.head.number} seals hold, {len(anchors)} anchors agree. Head:")
        typer.echo(verified.head)
    else:
        print_error(broken.code, broken.message)
    if broken is not None:
        raise typer.Exit(EXIT_HELD)


def _signed_heads(folder: Path | None, key: str | None) -> dict[int, bytes]:
    folder, private = folder or settings().audit_head_folder, settings().audit_head_key
    if folder is None:
        return {}
    if key is None and private is None:
        message = "The public key that signed the heads is not given."
        raise SettingMissingError(message, remedy="Add --head-key.")
    if key is None and private is not None:
        return read_heads(folder, FileKey.load(private).public)
    try:
        public = bytes.fromhex(key or "")
    except ValueError:
        public = b""
    return read_heads(folder, public)


def _anchors(given: list[str] | None) -> dict[int, bytes]:
    file = settings().audit_anchor_file
    if not given:
        return kept_anchors(file)
    anchors: dict[int, bytes] = {}
    for source in given:
        path = Path(source)
        anchors |= read_anchors(path) if path.exists() else parse_anchor(source)
    return anchors
