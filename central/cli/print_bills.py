"""`meterline-central bill pdf|render|einvoice`: print bills, a file each; archive the issued."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from central.cli.bill import (
    AccountOption,
    Final,
    GroupOption,
    SomeBills,
    SomeCycle,
    app,
    require_narrowed,
    require_some,
)
from central.cli.decided_bills import find_run
from central.cli.each import FailedBill, Tried, each
from central.cli.output import AsJson, answered, progress_bar, settings, show, wait_for
from central.domain.billing.run_scope import RunScope
from central.domain.billing.state import BillState
from central.domain.einvoice.form import EInvoiceForm
from central.process.einvoice_rules import installed_rules
from central.process.stores import Stores, open_stores
from central.service.billing.archive import ArchiveInvoices
from central.service.billing.document_additions import DocumentAdditions
from central.service.billing.find_bill import find_bill, heads_of_account
from central.service.billing.invoice_document import Renderer
from central.service.billing.print_invoice import PrintBill
from central.service.billing.structured_invoice import NoEInvoiceRulesError, WriteEInvoice
from central.service.ports.billing import BillHead, BillingStore
from central.service.ports.einvoice_rules import Rules

__all__ = ["app"]

_PRINTED = (BillState.DRAFT, BillState.APPROVED, BillState.ISSUED)


@dataclass(frozen=True, slots=True)
class _Selected:
    """Bills by their names, and all of a cycle's run.

    Args:
        names: As people call them.
        cycle: Of the run; None for none.
        only: To whom the run is narrowed.
        final: Whether the final run is meant.
    """

    names: tuple[str, ...]
    cycle: str | None
    only: RunScope
    final: bool

    async def heads(self, store: BillingStore) -> tuple[BillHead, ...]:
        """The bills of the run; of an account alone in whichever run of the cycle they are.

        Raises:
            UnknownRunError: The cycle was not run for them.
        """
        if self.cycle is None:
            return ()
        heads = await heads_of_account(store, self.cycle, self.only, final=self.final)
        if heads:
            return heads
        run = await find_run(store, self.cycle, self.only, final=self.final)
        return await store.heads(run)


@app.command("pdf")
@answered
def pdf_command(  # noqa: PLR0913 - one option each
    bills: SomeBills = None,
    cycle: SomeCycle = None,
    group_name: GroupOption = None,
    account: AccountOption = None,
    folder: Annotated[Path, typer.Option("--out", help="Folder for the files.")] = Path(),
    *,
    final: Final = False,
    as_json: AsJson = False,
) -> None:
    """Print bills as PDF, a file per bill; held and unprintable ones are reported.

    Exit codes: 0 all are printed, 2 refused, 3 some are not.
    """
    selected = _Selected(tuple(bills or ()), cycle, RunScope(group_name, account), final)
    require_some(bills, cycle, selected.only)
    folder.mkdir(parents=True, exist_ok=True)
    files, tried, held = wait_for(_print(selected, folder, quiet=as_json))
    if as_json:
        failed = [one.to_json() for one in tried.failed]
        show({"files": [str(path) for path in files], "failed": failed})
    else:
        for path in files:
            typer.echo(path)
    tried.end(as_json=as_json, before=held)


async def _print(
    selected: _Selected, folder: Path, *, quiet: bool
) -> tuple[list[Path], Tried, int]:
    """Files, what became of each bill, and how many of the month are held."""
    files: list[Path] = []
    async with _press() as (stores, archive, render):
        store = stores.bills
        use_case = PrintBill(store, stores.settings, archive, render)
        wanted: dict[UUID, str] = {}

        async def choose(name: str) -> None:
            record = await find_bill(store, name, final=selected.final)
            wanted.setdefault(record.uid, name)

        async def print_one(uid: UUID) -> None:
            files.append(await _print_one(use_case, uid, folder))

        held: list[FailedBill] = []
        unknown = await each(selected.names, choose)
        for head in await selected.heads(store):
            name = f"{head.account}/{head.period}"
            if head.state in _PRINTED:
                wanted.setdefault(head.uid, name)
            elif head.state is BillState.HELD and head.uid not in wanted:
                held.append(_held(name, head))
        with progress_bar("Printing", len(wanted), quiet=quiet) as bar:
            tried = await each(wanted, print_one, wanted.__getitem__, bar)
    return files, Tried(tried.done, unknown.failed + tried.failed + held), len(held)


@app.command("render")
@answered
def render_command(  # noqa: PLR0913 - one option each
    bills: SomeBills = None,
    cycle: SomeCycle = None,
    group_name: GroupOption = None,
    account: AccountOption = None,
    *,
    final: Final = False,
    as_json: AsJson = False,
) -> None:
    """Archive the invoices of issued bills now, as the worker does; of all that wait by default.

    Exit codes: 0 all are archived, 2 refused, 3 some are not.
    """
    selected = _Selected(tuple(bills or ()), cycle, RunScope(group_name, account), final)
    require_narrowed(cycle, selected.only)
    tried = wait_for(_render(selected, quiet=as_json))
    if as_json:
        show({"archived": len(tried.done), "failed": [one.to_json() for one in tried.failed]})
    else:
        typer.echo(f"{len(tried.done)} archived.")
    tried.end(as_json=as_json)


@app.command("einvoice")
@answered
def einvoice_command(  # noqa: PLR0913 - one option each
    bills: Annotated[list[str], typer.Argument(help="Identifiers, numbers or ACCOUNT/CYCLE.")],
    form: Annotated[
        EInvoiceForm, typer.Option("--format", help="ubl, cii or facturae.")
    ] = EInvoiceForm.UBL,
    folder: Annotated[Path, typer.Option("--out", help="Folder for the files.")] = Path(),
    check: Annotated[  # noqa: FBT002 - typer's way
        bool, typer.Option("--check", help="Judge them by the rules of EN 16931.")
    ] = False,
    final: Final = False,  # noqa: FBT002 - typer's way
    *,
    as_json: AsJson = False,
) -> None:
    """Write issued bills as structured invoices, a file each.

    Exit codes: 0 all are written, 2 refused, 3 some are not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files, tried = wait_for(_write(bills, form, folder, _rules() if check else None, final=final))
    if as_json:
        failed = [one.to_json() for one in tried.failed]
        show({"files": [str(path) for path in files], "failed": failed})
    else:
        for path in files:
            typer.echo(path)
    tried.end(as_json=as_json)


async def _write(
    bills: list[str], form: EInvoiceForm, folder: Path, rules: Rules | None, *, final: bool
) -> tuple[list[Path], Tried]:
    """Files, and what became of each bill."""
    files: list[Path] = []
    async with open_stores(settings(), "meterline-bill") as stores:
        use_case = WriteEInvoice(stores.registry, rules)

        async def write(name: str) -> None:
            record = await find_bill(stores.bills, name, final=final)
            written = await use_case(record, form)
            path = folder / written.name
            path.write_bytes(written.content)
            files.append(path)

        tried = await each(dict.fromkeys(bills), write)
    return files, tried


def _rules() -> Rules:
    """The published rules.

    Raises:
        NoEInvoiceRulesError: They are not installed.
    """
    rules = installed_rules()
    if rules is None:
        message = "There are no rules to judge by."
        raise NoEInvoiceRulesError(message)
    return rules


async def _render(selected: _Selected, *, quiet: bool) -> Tried:
    async with _press() as (stores, archive, _):
        store = stores.bills
        if not selected.names and selected.cycle is None:
            rendered = await archive.until_idle()
            failed = [
                FailedBill(job.account, job.code or "", job.message or "")
                for job in rendered.failed
            ]
            return Tried([str(document.bill) for document in rendered.documents], failed)
        # A run bills all that is due: a bill's period may be another than the run's.
        issued = {
            str(head.uid): f"{head.account}/{head.period}"
            for head in await selected.heads(store)
            if head.state is BillState.ISSUED
        }

        async def render(name: str) -> None:
            await archive.document(await find_bill(store, name, final=selected.final))

        wanted = dict.fromkeys((*selected.names, *issued))
        with progress_bar("Rendering", len(wanted), quiet=quiet) as bar:
            return await each(wanted, render, lambda name: issued.get(name, name), bar)


@asynccontextmanager
async def _press() -> AsyncIterator[tuple[Stores, ArchiveInvoices, Renderer]]:
    """Where bills and their documents are kept, and what renders them."""
    from central.adapters.documents.invoice import render_invoice  # noqa: PLC0415 - loads typst

    async with open_stores(settings(), "meterline-bill") as stores:
        add = DocumentAdditions(stores.fiscal)
        archive = ArchiveInvoices(stores.bills, stores.documents, render_invoice, add=add)
        yield stores, archive, render_invoice


def _held(name: str, head: BillHead) -> FailedBill:
    reasons = " ".join(hold.message for hold in head.holds) or "No reason is known."
    code = head.holds[0].code if head.holds else "HELD"
    return FailedBill(name, code, f"The bill is held: {reasons}")


async def _print_one(use_case: PrintBill, uid: UUID, folder: Path) -> Path:
    """A bill's file: whole, or not there."""
    name, content = await use_case.file(str(uid))
    path, part = folder / name, folder / f".{uid}.part"
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
