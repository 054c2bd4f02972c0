"""`meterline-central fiscal`: the register that a tax agency asks for beside invoices."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any

import typer

from central.cli.output import (
    EXIT_HELD,
    ActingAs,
    AsJson,
    actor_of,
    answered,
    group,
    settings,
    show,
    wait_for,
)
from central.domain.fiscal.record import FiscalMode, RecordKind
from central.domain.fiscal.verifactu import BillingSoftware, check_address
from central.process.stores import open_stores
from central.service.billing.fiscal_register import FiscalRegister, VerifiedRegister
from central.service.ports.fiscal import StoredRecord

fiscal = group("Write, show and verify the fiscal register of invoices.")
Number = Annotated[str, typer.Argument(help="Number of the invoice or credit note.")]
Because = Annotated[str, typer.Option("--reason", help="Reason, which is kept.")]
_NAME = "meterline-bill"


@fiscal.command("use")
@answered
def use_command(  # noqa: PLR0913, PLR0917 - one option each
    mode: Annotated[FiscalMode, typer.Argument(help="verifactu, or none.")],
    reason: Because,
    producer: Annotated[
        str | None, typer.Option(help="Who produced the software, as declared to the agency.")
    ] = None,
    producer_tax_number: Annotated[str | None, typer.Option(help="Of the producer.")] = None,
    installation: Annotated[
        str, typer.Option(help="Number of this installation at the issuer.")
    ] = "1",
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Write another register from now on; records that are there stay."""
    software = None
    if producer is not None or producer_tax_number is not None:
        software = BillingSoftware(
            producer or "", producer_tax_number or "", installation, version("meterline")
        )

    async def work() -> None:
        async with open_stores(settings(), _NAME) as stores:
            register = FiscalRegister(stores.fiscal)
            await register.use(mode, software, actor_of(actor), reason)

    wait_for(work())
    if as_json:
        show({"mode": mode.value})
    else:
        typer.echo(f"The register is {mode.value} from now on.")


@fiscal.command("show")
@answered
def show_command(
    number: Number,
    *,
    xml: Annotated[bool, typer.Option("--xml", help="Print the records as XML.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the records of an invoice, with the address of its QR code."""

    async def work() -> list[StoredRecord]:
        async with open_stores(settings(), _NAME) as stores:
            return list(await FiscalRegister(stores.fiscal).records(number))

    entries = wait_for(work())
    if as_json:
        show([_object(entry) for entry in entries])
        return
    for entry in entries:
        record = entry.chained.record
        if xml:
            typer.echo(entry.content, nl=False)
            continue
        typer.echo(
            f"{record.kind.value} {entry.chained.ordinal} of {record.issuer},"
            f" {record.at.isoformat()}: {record.invoice_type} tax {record.tax:.2f},"
            f" total {record.total:.2f}\n  {entry.chained.sha256}"
        )
        if record.kind is RecordKind.REGISTRATION:
            typer.echo(f"  {check_address(record)}")


@fiscal.command("cancel")
@answered
def cancel_command(
    number: Number, reason: Because, actor: ActingAs = None, *, as_json: AsJson = False
) -> None:
    """Cancel a registration that was a mistake; money is taken back by a credit note instead."""

    async def work() -> StoredRecord:
        async with open_stores(settings(), _NAME) as stores:
            return await FiscalRegister(stores.fiscal).cancel(number, actor_of(actor), reason)

    entry = wait_for(work())
    if as_json:
        show(_object(entry))
    else:
        typer.echo(f"The registration of {number} is cancelled by record {entry.chained.ordinal}.")


@fiscal.command("verify")
@answered
def verify_command(*, as_json: AsJson = False) -> None:
    """Go through all chains, and name invoices that are not registered.

    Exit codes: 0 all hold, 2 refused, 3 something is wrong.
    """

    async def work() -> VerifiedRegister:
        async with open_stores(settings(), _NAME) as stores:
            return await FiscalRegister(stores.fiscal).verify()

    verified = wait_for(work())
    if as_json:
        show(_verified(verified))
    else:
        typer.echo(f"Register: {verified.mode.value}.")
        for chain in verified.chains:
            typer.echo(f"{chain.issuer}: {chain.records} records, head {chain.head or 'none'}")
            for fault in chain.faults:
                typer.echo(f"  {fault.ordinal} ({fault.number}): {fault.message}")
        for number in verified.unregistered:
            typer.echo(f"{number} has no registration.")
    if not verified.holds:
        raise typer.Exit(EXIT_HELD)


def _verified(verified: VerifiedRegister) -> dict[str, Any]:
    return {
        "mode": verified.mode.value,
        "chains": [
            {
                "issuer": chain.issuer,
                "records": chain.records,
                "head": chain.head,
                "faults": [
                    {"record": fault.ordinal, "number": fault.number, "message": fault.message}
                    for fault in chain.faults
                ],
            }
            for chain in verified.chains
        ],
        "unregistered": list(verified.unregistered),
    }


def _object(entry: StoredRecord) -> dict[str, Any]:
    record = entry.chained.record
    registered = record.kind is RecordKind.REGISTRATION
    return {
        "kind": record.kind.value,
        "record": entry.chained.ordinal,
        "issuer": record.issuer,
        "number": record.number,
        "issued": record.issued.isoformat(),
        "invoice_type": record.invoice_type,
        "tax": f"{record.tax:.2f}",
        "total": f"{record.total:.2f}",
        "at": record.at.isoformat(),
        "previous": record.previous,
        "sha256": entry.chained.sha256,
        "qr": check_address(record) if registered else None,
        "xml": entry.content,
    }
