"""`meterline-central gateway invite|certificates`: with what certificates they come in."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from central.adapters.authority import FileAuthority
from central.cli.output import (
    EXIT_HELD,
    ActingAs,
    AsJson,
    actor_of,
    answered,
    listed,
    settings,
    show,
    wait_for,
)
from central.cli.registry import Because, GatewayName
from central.cli.remote import gateways
from central.process.authority import file_authority, revoked_before
from central.process.stores import open_stores
from central.service.gateways.claims import GivenCode, invite_gateway
from central.service.gateways.enrolment import find_gateway
from central.service.gateways.proof import BatchProof, prove_batch, set_signing
from central.service.ports.certificates import GatewayCertificate, StoredCertificate
from central.service.ports.ingest_records import Signing
from firmware_bridge.contract.envelope import open_batch
from firmware_bridge.contract.errors import MessageError

__all__ = ["gateways"]

_NAME = "meterline-registry"


@gateways.command("invite")
@answered
def invite_command(
    name: GatewayName,
    hours: Annotated[
        float, typer.Option(min=0.1, max=720, help="Hours until the code ends.")
    ] = 48.0,
    reason: Because = "",
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give a code, shown once, with which a device claims a gateway's name: `meterline-edge claim`.

    Until it is claimed nothing changes; then every other certificate of the name is revoked.
    """

    async def work() -> GivenCode:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            lasts, who = timedelta(hours=hours), actor_of(actor)
            return await invite_gateway(stores.certificates, name, lasts, who, _now, reason=reason)

    given = wait_for(work())
    end = given.expires_at.isoformat(timespec="minutes")
    if as_json:
        show({"gateway": given.gateway, "code": given.code, "expires_at": end})
    else:
        typer.echo(f"{given.code}\nClaims {given.gateway} once, until {end}. On the device:")
        typer.echo("meterline-edge claim --centre https://...  # asks for the code")


@gateways.command("certificates")
@answered
def certificates_command(name: GatewayName, *, as_json: AsJson = False) -> None:
    """List a gateway's certificates, newest first: until when each holds, and what became of it."""

    async def work() -> list[StoredCertificate]:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            await find_gateway(stores.gateways, name)
            return await stores.certificates.certificates(name)

    rows = [_object(each) for each in wait_for(work())]
    listed(rows, as_json=as_json, nothing=f"{name} has no certificate from here.")


@gateways.command("make-authority")
@answered
def make_authority_command(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder to write to; a file that is there is never overwritten."),
    ],
    name: Annotated[str, typer.Option(help="Name in its certificate.")] = "Meterline gateways",
    days: Annotated[int, typer.Option(min=1, max=7300, help="Days that it holds.")] = 3650,
    *,
    as_json: AsJson = False,
) -> None:
    """Make an authority for gateways' certificates: `authority.key` and `authority.crt`."""
    FileAuthority.make(folder, name, timedelta(days=days), _now())
    files = {end: str(folder / f"authority.{end}") for end in ("key", "crt")}
    if as_json:
        show(files)
    else:
        typer.echo(f"Made {files['key']}, which must stay secret, and {files['crt']}.")


@gateways.command("revocation-list")
@answered
def revocation_list_command(
    file: Annotated[Path, typer.Argument(help="File to write, for the broker's `crlfile`.")],
    days: Annotated[float, typer.Option(min=0.01, max=366, help="Days that it holds.")] = 30.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Write the list of revoked certificates that have not ended, signed by the authority.

    What the file revokes already stays revoked, also where a restored database has forgotten it.
    """
    now = _now()
    authority = file_authority(settings())
    before = revoked_before(settings(), file) if file.exists() else {}

    async def work() -> tuple[list[GatewayCertificate], list[str]]:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            revoked = [each.certificate for each in await stores.certificates.revoked(now)]
            listed = {each.serial for each in revoked}
            others = [serial for serial in before if serial not in listed]
            stored = {serial: await stores.certificates.certificate(serial) for serial in others}
            return revoked, [
                serial
                for serial, each in stored.items()
                if each is None or each.certificate.not_after > now
            ]

    revoked, forgotten = wait_for(work())
    carried = {serial: before[serial] for serial in forgotten}
    text = authority.revocation_list(revoked, now, now + timedelta(days=days), carried)
    draft = file.with_name(f"{file.name}.new")
    draft.write_text(text, encoding="ascii")
    draft.replace(file)  # a broker that reads it now reads the old one or the new
    if as_json:
        serials = [each.serial for each in revoked]
        show({"file": str(file), "revoked": serials, "forgotten": forgotten})
        return
    count = len(revoked) + len(forgotten)
    typer.echo(f"{file} revokes {count} certificates; make the broker read it again.")
    for serial in forgotten:
        typer.echo(f"Revoked before, but not in the database: {serial}.")


@gateways.command("signing")
@answered
def signing_command(
    name: GatewayName,
    signing: Annotated[Signing, typer.Argument(help="Whether its batches have to be signed.")],
    reason: Because = "",
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say whether a gateway's batches have to be signed: not at all, well if at all, or always."""

    async def work() -> None:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            who = actor_of(actor)
            await set_signing(stores.certificates, name, signing, who, _now, reason=reason)

    wait_for(work())
    if as_json:
        show({"gateway": name, "signing": signing.value})
    else:
        typer.echo(f"Signatures of {name}: {signing.value}.")


@gateways.command("proof")
@answered
def proof_command(
    name: GatewayName,
    epoch: Annotated[UUID, typer.Argument(help="Epoch of the batch.")],
    sequence: Annotated[int, typer.Argument(min=1, help="Its number in the epoch.")],
    out: Annotated[
        Path | None, typer.Option(help="File to write the batch to, as it was sealed.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show and check what is stored of a batch: bytes, hash, signature, place in the chain.

    Exit code 3 if it does not hold.
    """

    async def work() -> BatchProof:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            return await prove_batch(stores.certificates, name, epoch, sequence)

    proof = wait_for(work())
    if out is not None and proof.payload:
        out.write_bytes(proof.payload)
    facts = _facts(proof)
    if as_json:
        show(facts)
    else:
        for what, value in facts.items():
            typer.echo(f"{what:14} {value}")
    if not proof.holds:
        raise typer.Exit(EXIT_HELD)


def _facts(proof: BatchProof) -> dict[str, Any]:
    record = proof.record
    readings = None
    if proof.is_content_whole:
        with suppress(MessageError):
            readings = len(open_batch(record.gateway, proof.payload).columns)
    return {
        "gateway": record.gateway,
        "epoch": str(record.epoch),
        "sequence": record.sequence,
        "received_at": _utc_text(record.received_at),
        "sha256": record.sha256.hex(),
        "readings": readings,
        "bytes": len(proof.payload),
        "signature": None if record.signature is None else record.signature.hex(),
        "public_key": None if record.public_key is None else record.public_key.hex(),
        "registered_at": None if record.registered_at is None else _utc_text(record.registered_at),
        "signed": proof.is_signed,
        "signature_good": proof.is_signature_good,
        "content_whole": proof.is_content_whole,
        "chained": proof.is_chained,
        "holds": proof.holds,
    }


def _object(stored: StoredCertificate) -> dict[str, Any]:
    certificate, revoked = stored.certificate, stored.revoked_at
    return {
        "serial": certificate.serial,
        "issued_at": _utc_text(stored.issued_at),
        "not_after": _utc_text(certificate.not_after),
        "renews": stored.renews,
        "revoked_at": None
        if revoked is None
        else revoked.astimezone(UTC).isoformat("T", "seconds"),
    }


def _utc_text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _now() -> datetime:
    return datetime.now(UTC)
