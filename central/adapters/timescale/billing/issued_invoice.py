"""What the document of a bill says, in the transaction that issues it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale.billing.stored_bill import read_bill
from central.adapters.timescale.queries import load_queries
from central.domain.billing.invoice import Invoice, invoice_of
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_tariff
from central.service.billing.check_documents import document_refusal
from central.service.ports.billing import BillRecord
from central.service.ports.einvoice_rules import Rules

_Row = tuple[Any, ...]
_SQL = load_queries(Path(__file__).with_suffix(".sql"))


async def issued_invoice(connection: AsyncConnection[_Row], record: BillRecord) -> Invoice:
    """What the document of an issued bill says.

    Args:
        connection: In the transaction that issued it, or a later one.
        record: The bill.
    """
    if record.issue is None:
        message = f"The bill {record.uid} is not issued."
        raise RuntimeError(message)
    hashes = {bytes.fromhex(entry.line.tariff_sha256) for entry in record.bill.lines}
    cursor = await connection.execute(_SQL["tariffs"], {"hashes": sorted(hashes)})
    tariffs = {bytes(sha256).hex(): _tariff(text) for sha256, text in await cursor.fetchall()}
    return invoice_of(record.bill, record.issue, tariffs)


async def check_notes(
    connection: AsyncConnection[_Row], notes: Sequence[UUID], rules: Rules | None
) -> None:
    """Check that the documents of credit notes can be made.

    Bills are checked when they are rated. A credit note is never rated, and since its bill was
    issued, names and addresses may have changed.

    Args:
        connection: In the transaction that issued them.
        notes: Of the credit notes.
        rules: What judges structured invoices; None for nothing.

    Raises:
        UnprintableTextError: One says what the fonts lack; the characters are named.
        NotStructuredError: One cannot be a structured invoice.
        EInvoiceRulesError: One breaks the rules of structured invoices.
    """
    for uid in notes:
        record = await read_bill(connection, uid)
        if record is None:
            continue
        invoice = await issued_invoice(connection, record)
        refusal = await asyncio.to_thread(document_refusal, invoice, rules)
        if refusal is not None:
            raise refusal


@lru_cache(maxsize=256)
def _tariff(text: str) -> TariffDocument:
    return load_tariff(text)
