"""`meterline-central invoicing`: what is said of invoices, and their way to accounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer

from central.cli.bill import Final
from central.cli.decided_bills import find_run
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
from central.domain.billing.invoicing import DeliveryChannel, TermsOf
from central.process.stores import open_stores
from central.service.invoicing.print_file import PrintedFile, WritePrintFile
from central.service.invoicing.set_invoicing import SetInvoicing
from central.service.ports.invoicing import InvoiceDeliveryState
from central.service.views.paging import MAX_LIMIT
from firmware_bridge.contract.errors import InvalidValueError

invoicing = group("What is said of invoices: addresses, codes, payment; and their delivery.")
Answer = TypeVar("Answer")
Why = Annotated[str, typer.Option(help="Reason, which is kept.")]
Country = Annotated[str | None, typer.Option(help="Two letters of ISO 3166, such as ES.")]
Region = Annotated[str | None, typer.Option(help="Province or state.")]
Town = Annotated[str | None, typer.Option(help="As the post writes it.")]
Postcode = Annotated[str | None, typer.Option(help="Of the town.")]
LegalId = Annotated[str | None, typer.Option(help="Number in the register of companies.")]
Endpoint = Annotated[
    str | None, typer.Option(help="Electronic address with its scheme, such as 9920:ESB12345678.")
]


@invoicing.command("seller")
@answered
def seller_command(  # noqa: PLR0913, PLR0917 - one option each
    reason: Why,
    country: Country = None,
    region: Region = None,
    town: Town = None,
    postcode: Postcode = None,
    legal_id: LegalId = None,
    endpoint: Endpoint = None,
    iban: Annotated[str | None, typer.Option(help="Where buyers pay.")] = None,
    bic: Annotated[str | None, typer.Option(help="Of the bank.")] = None,
    holder: Annotated[str | None, typer.Option(help="Whose the account is.")] = None,
    qr: Annotated[str | None, typer.Option(help="Code that a phone pays by: epc.")] = None,
    complaint_text: Annotated[str | None, typer.Option(help="Where buyers complain.")] = None,
    switching_text: Annotated[
        str | None, typer.Option(help="How buyers change to another seller.")
    ] = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say of the seller what invoices print; options that are left out stay as they are."""
    party = _party(country, region, town, postcode, legal_id, endpoint)
    payment = {"iban": iban, "bic": bic, "holder": holder, "qr": qr}
    texts = {"complaint_text": complaint_text, "switching_text": switching_text}
    _set(TermsOf.SELLER, "", party | payment | texts, (actor, reason), as_json=as_json)


@invoicing.command("account")
@answered
def account_command(  # noqa: PLR0913, PLR0917 - one option each
    number: Annotated[str, typer.Argument(help="Number of the account.")],
    reason: Why,
    country: Country = None,
    region: Region = None,
    town: Town = None,
    postcode: Postcode = None,
    legal_id: LegalId = None,
    endpoint: Endpoint = None,
    reference: Annotated[
        str | None, typer.Option(help="By which the buyer finds the invoice, such as an order.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="Of the documents: en or es.")] = None,
    channel: Annotated[
        DeliveryChannel | None, typer.Option(help="How they are delivered; '' for not at all.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="Address of the channel email.")] = None,
    link: Annotated[
        bool | None, typer.Option("--link/--file", help="Mail a link, or the file.")
    ] = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say of an account what its invoices print, and how they get there."""
    party = _party(country, region, town, postcode, legal_id, endpoint)
    rest = {"reference": reference, "language": language, "channel": channel, "email": email}
    changes = party | rest | {"link": link}
    _set(TermsOf.ACCOUNT, number, changes, (actor, reason), as_json=as_json)


@invoicing.command("point")
@answered
def point_command(  # noqa: PLR0913 - one option each
    name: Annotated[str, typer.Argument(help="Name of the service point.")],
    scheme: Annotated[str, typer.Option(help="CUPS, EAN, MPAN, or the name of another.")],
    code: Annotated[str, typer.Option(help="Code of the supply point.")],
    reason: Why,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say how the network calls a service point."""
    changes = {"scheme": scheme, "code": code}
    _set(TermsOf.POINT, name, changes, (actor, reason), as_json=as_json)


@invoicing.command("show")
@answered
def show_command(
    of: Annotated[TermsOf, typer.Argument(help="Of whom.")],
    name: Annotated[str, typer.Argument(help="Account or point; nothing for the seller.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Show what is said of invoices now."""
    version = _asked(lambda use_case: use_case.store.terms(of, name))
    rows = [] if version is None else [version.to_json()]
    if as_json:
        show(rows[0] if rows else None)
        return
    listed([_flat(row) for row in rows], as_json=False, nothing="Nothing is said.")


@invoicing.command("deliveries")
@answered
def deliveries_command(
    state: Annotated[InvoiceDeliveryState | None, typer.Option(help="Where they stand.")] = None,
    bill: Annotated[str | None, typer.Option(help="Identifier of a bill.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_LIMIT, help="Maximum number.")] = MAX_LIMIT,
    *,
    as_json: AsJson = False,
) -> None:
    """List deliveries of documents, the newest first."""
    uid = None if bill is None else _uid(bill)
    rows = _asked(lambda use_case: use_case.store.deliveries(state=state, bill=uid, limit=limit))
    documents = [row.to_json() for row in rows]
    listed(documents, as_json=as_json, nothing="There are no deliveries.")


@invoicing.command("print-file")
@answered
def print_file_command(
    file: Annotated[Path, typer.Argument(help="ZIP file to write; nothing may be there.")],
    cycle: Annotated[
        str | None, typer.Option(help="Of the run whose documents are wanted, such as 2026-10.")
    ] = None,
    actor: ActingAs = None,
    *,
    final: Final = False,
    as_json: AsJson = False,
) -> None:
    """Put all documents that wait to be printed into one file; each goes into one file only."""
    if file.exists():
        message = f"There is a file {file} already."
        raise InvalidValueError(message, value=str(file), remedy="Name another.")

    async def work() -> PrintedFile:
        async with open_stores(settings(), "meterline-invoicing", max_size=2) as stores:
            run = None if cycle is None else await find_run(stores.bills, cycle, final=final)
            write = WritePrintFile(stores.invoicing, stores.bills, stores.documents)
            return await write(file, actor_of(actor), None if run is None else run.uid)

    written = wait_for(work())
    if as_json:
        show({"file": str(file), "documents": written.documents, "sha256": written.sha256 or None})
    elif written.documents:
        typer.echo(f"{file}: {written.documents} documents, SHA-256 {written.sha256}.")
    else:
        typer.echo("Nothing waits to be printed; no file is written.")


@invoicing.command("resend")
@answered
def resend_command(
    bill: Annotated[str, typer.Argument(help="Identifier of the bill.")],
    reason: Why,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Deliver a document once more, the same file, as the account's invoicing says now."""
    uid = _uid(bill)
    delivery = _asked(lambda use_case: use_case.again(uid, actor_of(actor), reason))
    if as_json:
        show({"delivery": str(delivery)})
    else:
        typer.echo(f"Delivery {delivery}: a worker sends it.")


@invoicing.command("bounced")
@answered
def bounced_command(
    delivery: Annotated[str, typer.Argument(help="Identifier of the delivery.")],
    reason: Annotated[str, typer.Option(help="What came back, which is kept.")],
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Note that a mail that was sent came back."""
    uid = _uid(delivery)
    _asked(lambda use_case: use_case.bounced(uid, actor_of(actor), reason))
    if as_json:
        show({"delivery": str(uid), "state": InvoiceDeliveryState.BOUNCED.value})
    else:
        typer.echo(f"Delivery {uid}: bounced.")


def _party(*values: str | None) -> dict[str, Any]:
    names = ("country", "region", "town", "postcode", "legal_id", "endpoint")
    return dict(zip(names, values, strict=True))


def _set(
    kind: TermsOf,
    name: str,
    changes: Mapping[str, Any],
    by: tuple[str | None, str],
    *,
    as_json: bool,
) -> None:
    actor, reason = by
    given = {member: value for member, value in changes.items() if value is not None}
    if not given:
        message = "Nothing is given that is to be different."
        raise InvalidValueError(message, value=name, remedy="Give an option; see --help.")
    version = _asked(lambda use_case: use_case(kind, name, given, actor_of(actor), reason))
    if as_json:
        show(version.to_json())
    else:
        typer.echo(
            f"{kind.value.capitalize()} {name}: version {version.version}.".replace(" :", ":")
        )


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in row.items() if name != "party"}
    return {**rest, **row.get("party", {})}


def _uid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        message = f"{text!r} is no identifier."
        raise InvalidValueError(message, value=text, remedy="Copy it from a list.") from None


def _asked(ask: Callable[[SetInvoicing], Awaitable[Answer]]) -> Answer:
    async def work() -> Answer:
        async with open_stores(settings(), "meterline-invoicing", max_size=2) as stores:
            return await ask(SetInvoicing(stores.invoicing))

    return wait_for(work())
