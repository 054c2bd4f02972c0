"""Put the documents that wait to be printed into one file for whoever prints and posts them.

A document goes into one file only. It is claimed before the file is written, and noted as sent once
the file is whole on the disk; where writing fails there is no file, and it waits again. Whoever is
stopped in between leaves it to be given up as any claim that runs out: a person asks again.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from central.domain.actor import Actor
from central.service.billing.invoice_document import DocumentError
from central.service.billing.print_invoice import file_name
from central.service.ports.billing import BillingStore
from central.service.ports.decisions import DecisionNote
from central.service.ports.documents import DocumentStore
from central.service.ports.invoicing import InvoiceDelivery, InvoicingStore
from central.service.spreadsheet import written_csv
from firmware_bridge.durable_file import new_file_durably

CLAIM = timedelta(hours=4)
"""Longer than a file takes."""
AT_MOST = 100_000
"""Documents of a file."""
INDEX = "index.csv"
_MADE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class PrintedFile:
    """What a file holds.

    Args:
        documents: How many.
        sha256: Of the file, in hex; "" where nothing waits, and no file is made.
    """

    documents: int
    sha256: str


class WritePrintFile:
    """The use-case.

    Args:
        store: Where deliveries are kept.
        bills: Where bills are kept.
        documents: Where their documents are kept.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: InvoicingStore,
        bills: BillingStore,
        documents: DocumentStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._bills = bills
        self._documents = documents
        self._clock = clock

    async def __call__(self, path: Path, actor: Actor, run: UUID | None = None) -> PrintedFile:
        """Write what waits into a file: PDF documents by number, and an index of them.

        Args:
            path: Of the file; nothing may be there.
            actor: Who.
            run: The bill run whose documents are wanted; None for all that waits.

        Raises:
            FileExistsError: The file is there already.
            OSError: It cannot be written; all wait again.
            DocumentError: A document is not there; all wait again.
        """
        now = self._clock()
        claimed = await self._store.claim_print(now, now + CLAIM, run, AT_MOST)
        uids = [each.uid for each in claimed]
        if not claimed:
            return PrintedFile(0, "")
        try:
            await self._write(path, claimed)
        except BaseException:
            await self._store.wait_again(uids, self._clock())
            raise
        sha256 = _sha256(path)
        note = DecisionNote(actor, f"{path.name}, SHA-256 {sha256}", self._clock())
        await self._store.printed(uids, note)
        return PrintedFile(len(uids), sha256)

    async def _write(self, path: Path, claimed: Sequence[InvoiceDelivery]) -> None:
        rows: list[dict[str, object]] = []
        with (
            new_file_durably(path) as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
        ):
            for delivery in claimed:
                record = await self._bills.bill(delivery.bill)
                document = await self._documents.document(delivery.bill)
                if record is None or document is None:
                    message = f"The document of {delivery.number} is not there."
                    raise DocumentError(message, value=delivery.number)
                bill = record.bill
                printed = file_name(bill.account, bill.period, bill.run_type, bill.revision)
                row: dict[str, object] = {
                    "position": len(rows) + 1,
                    "file": f"{delivery.number}-{printed}",
                    "number": delivery.number,
                    "account": bill.account,
                    "buyer": bill.buyer.name,
                    "address": "\n".join(bill.buyer.address),
                    "sha256": document.sha256,
                }
                _put(archive, str(row["file"]), document.content)
                rows.append(row)
            _put(archive, INDEX, written_csv(rows).encode())


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # A file of the same documents has the same bytes.
    archive.writestr(zipfile.ZipInfo(name, _MADE), content)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
