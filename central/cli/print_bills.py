"""`meterline-central bill pdf|render`: print bills, a file each; archive what is issued."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from central.cli.bill import (
    SomeBills,
    SomeCycle,
    app,
    find_bill,
    find_run,
    require_some,
)
from central.cli.each import FailedBill, Tried, each
from central.cli.output import AsJson, answered, progress_bar, settings, show, wait_for
from central.domain.billing.state import BillState
from central.process.stores import Stores, open_stores
from central.service.billing.archive import ArchiveInvoices
from central.service.billing.invoice_document import Renderer
from central.service.billing.print_invoice import PrintBill
from central.service.ports.billing import BillHead

__all__ = ["app"]

_PRINTED = (BillState.DRAFT, BillState.APPROVED, BillState.ISSUED)


@app.command("pdf")
@answered
def pdf_command(
    bills: SomeBills = None,
    cycle: SomeCycle = None,
    folder: Annotated[Path, typer.Option("--out", help="Folder for the files.")] = Path(),
    *,
    as_json: AsJson = False,
) -> None:
    """Print bills as PDF, a file per bill; held and unprintable ones are reported.

    Exit codes: 0 all are printed, 2 refused, 3 some are not.
    """
    require_some(bills, cycle)
    folder.mkdir(parents=True, exist_ok=True)
    files, tried, held = wait_for(_print(bills or [], cycle, folder, quiet=as_json))
    if as_json:
        failed = [one.to_json() for one in tried.failed]
        show({"files": [str(path) for path in files], "failed": failed})
    else:
        for path in files:
            typer.echo(path)
    tried.end(as_json=as_json, before=held)


async def _print(
    names: Sequence[str], cycle: str | None, folder: Path, *, quiet: bool
) -> tuple[list[Path], Tried, int]:
    """Files, what became of each bill, and how many of the month are held."""
    files: list[Path] = []
    async with _press() as (stores, archive, render):
        store = stores.bills
        use_case = PrintBill(store, stores.settings, archive, render)
        wanted: dict[UUID, str] = {}

        async def choose(name: str) -> None:
            wanted.setdefault((await find_bill(store, name)).uid, name)

        async def print_one(uid: UUID) -> None:
            files.append(await _print_one(use_case, uid, folder))

        held: list[FailedBill] = []
        unknown = await each(names, choose)
        if cycle is not None:
            run = await find_run(store, cycle)
            for head in await store.heads(run):
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
def render_command(
    bills: SomeBills = None, cycle: SomeCycle = None, *, as_json: AsJson = False
) -> None:
    """Archive the invoices of issued bills now, as the worker does; of all that wait by default.

    Exit codes: 0 all are archived, 2 refused, 3 some are not.
    """
    tried = wait_for(_render(bills or [], cycle, quiet=as_json))
    if as_json:
        show({"archived": len(tried.done), "failed": [one.to_json() for one in tried.failed]})
    else:
        typer.echo(f"{len(tried.done)} archived.")
    tried.end(as_json=as_json)


async def _render(names: Sequence[str], cycle: str | None, *, quiet: bool) -> Tried:
    async with _press() as (stores, archive, _):
        store = stores.bills
        if not names and cycle is None:
            rendered = await archive.until_idle()
            failed = [
                FailedBill(job.account, job.code or "", job.message or "")
                for job in rendered.failed
            ]
            return Tried([str(document.bill) for document in rendered.documents], failed)
        wanted = list(names)
        if cycle is not None:
            heads = await store.heads(await find_run(store, cycle))
            # A run bills all that is due: a bill's period may be another than the run's.
            issued = (head for head in heads if head.state is BillState.ISSUED)
            wanted += [f"{head.account}/{head.period}" for head in issued]

        async def render(name: str) -> None:
            await archive.document(await find_bill(store, name))

        with progress_bar("Rendering", len(wanted), quiet=quiet) as bar:
            return await each(dict.fromkeys(wanted), render, progress=bar)


@asynccontextmanager
async def _press() -> AsyncIterator[tuple[Stores, ArchiveInvoices, Renderer]]:
    """Where bills and their documents are kept, and what renders them."""
    from central.adapters.documents.invoice import render_invoice  # noqa: PLC0415 - loads typst

    async with open_stores(settings(), "meterline-bill") as stores:
        archive = ArchiveInvoices(stores.bills, stores.documents, render_invoice)
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
