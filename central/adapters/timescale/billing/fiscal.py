"""The fiscal register on PostgreSQL; the statements are in `fiscal.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.billing.issued_invoice import issued_invoice
from central.adapters.timescale.billing.stored_bill import read_bill
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.einvoice.document import EInvoice
from central.domain.einvoice.make import einvoice_of
from central.domain.fiscal.record import ChainedRecord, FiscalMode, FiscalRecord, RecordKind
from central.domain.fiscal.verifactu import (
    SIMPLIFIED,
    BillingSoftware,
    Linked,
    cancellation_xml,
    issuer_of,
    registration,
    registration_xml,
)
from central.service.ports.billing import BillRecord
from central.service.ports.fiscal import (
    FiscalSetting,
    NoFiscalRecordError,
    RegistrationCancelledError,
    StoredRecord,
)
from firmware_bridge.contract.interval import zone_info

_Row = tuple[Any, ...]
_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class _End:
    """Where a chain ends, held until the transaction ends.

    Args:
        ordinal: Of the last record; 0 where there is none.
        last: The last record; None likewise.
    """

    ordinal: int
    last: Linked | None

    @property
    def sha256(self) -> str:
        return "" if self.last is None else self.last.sha256


async def register_issued(
    connection: AsyncConnection[_Row], uids: Sequence[UUID], at: datetime
) -> None:
    """Add the records of bills to the register, where one is written.

    Args:
        connection: In the transaction that issued them.
        uids: Of the bills, in the order of their numbers.
        at: Now.

    Raises:
        FiscalIssuerError: The seller has no Spanish tax number.
        NotStructuredError: A bill cannot be said by rates of value added tax.
    """
    setting = await _setting(connection)
    if setting.software is None:
        return
    for uid in uids:
        record = await read_bill(connection, uid)
        if record is not None:
            await _register(connection, record, setting.software, at)


async def _register(
    connection: AsyncConnection[_Row], bill: BillRecord, software: BillingSoftware, at: datetime
) -> None:
    """Add the registration of one bill."""
    invoice = einvoice_of(await issued_invoice(connection, bill))
    issuer = issuer_of(invoice)
    end = await _end_of(connection, issuer)
    simplified = await _credits_simplified(connection, invoice)
    local = at.astimezone(zone_info(bill.bill.supplies[0].zone))
    record = registration(invoice, of_simplified=simplified, previous=end.sha256, at=local)
    content = registration_xml(invoice, record, end.last, software)
    await _add(connection, end, record, bill.id, content, at)


async def _credits_simplified(connection: AsyncConnection[_Row], invoice: EInvoice) -> bool:
    if not invoice.is_credit_note or invoice.preceding is None:
        return False
    credited = await _of_number(connection, invoice.preceding[0])
    return any(entry.chained.record.invoice_type in SIMPLIFIED for entry in credited)


async def _end_of(connection: AsyncConnection[_Row], issuer: str) -> _End:
    """Where a chain ends; nobody else adds to it until the transaction ends."""
    await connection.execute(_SQL["open_chain"], {"issuer": issuer})
    cursor = await connection.execute(_SQL["lock_chain"], {"issuer": issuer})
    row = await cursor.fetchone()
    ordinal = 0 if row is None else int(row[0])
    cursor = await connection.execute(_SQL["record"], {"issuer": issuer, "ordinal": ordinal})
    last = await cursor.fetchone()
    return _End(ordinal, None if last is None else Linked(issuer, *last))


async def _add(  # noqa: PLR0913, PLR0917 - what a row has
    connection: AsyncConnection[_Row],
    end: _End,
    record: FiscalRecord,
    bill: int,
    content: bytes,
    at: datetime,
) -> None:
    values = {
        "issuer": record.issuer,
        "ordinal": end.ordinal + 1,
        "kind": record.kind.value,
        "bill": bill,
        "number": record.number,
        "issued": record.issued,
        "invoice_type": record.invoice_type,
        "tax": record.tax,
        "total": record.total,
        "previous": record.previous,
        "sha256": record.sha256,
        "stamped": record.at.isoformat(timespec="seconds"),
        "content": content.decode(),
        "at": at,
    }
    await connection.execute(_SQL["add"], values)
    await connection.execute(_SQL["move"], values)


class TimescaleFiscalRegister:
    """`FiscalStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def _begin(self, at: datetime | None = None) -> AsyncIterator[AsyncConnection[_Row]]:
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                if at is not None:
                    await record_at(connection, at)
                yield connection

    async def setting(self) -> FiscalSetting:
        """See `FiscalStore`."""
        async with self._begin() as connection:
            return await _setting(connection)

    async def use(self, setting: FiscalSetting, actor: Actor, at: datetime, reason: str) -> None:
        """See `FiscalStore`."""
        software = {} if setting.software is None else setting.software._asdict()
        async with self._begin(at) as connection:
            before = await _setting(connection)
            values = {
                "mode": setting.mode.value,
                "software": Jsonb(software),
                "reason": reason,
                "actor": actor.key,
                "at": at,
            }
            await connection.execute(_SQL["add_setting"], values)
            detail = {"old": before.mode.value, "new": setting.mode.value, "reason": reason}
            await audit(connection, at, actor, "fiscal.used", "", detail)

    async def issuers(self) -> Sequence[str]:
        """See `FiscalStore`."""
        async with self._begin() as connection:
            cursor = await connection.execute(_SQL["issuers"])
            return [row[0] for row in await cursor.fetchall()]

    async def chain(self, issuer: str) -> AsyncIterator[StoredRecord]:
        """See `FiscalStore`."""
        after = 0
        while True:
            values = {"issuer": issuer, "after": after, "limit": _AT_ONCE}
            async with self._begin() as connection:
                cursor = await connection.execute(_SQL["chain"], values)
                entries = [_stored(row) for row in await cursor.fetchall()]
            for entry in entries:
                yield entry
            if len(entries) < _AT_ONCE:
                return
            after = entries[-1].chained.ordinal

    async def of_number(self, number: str) -> Sequence[StoredRecord]:
        """See `FiscalStore`."""
        async with self._begin() as connection:
            return await _of_number(connection, number)

    async def unregistered(self, limit: int) -> Sequence[str]:
        """See `FiscalStore`."""
        async with self._begin() as connection:
            cursor = await connection.execute(_SQL["unregistered"], {"limit": limit})
            return [row[0] for row in await cursor.fetchall()]

    async def cancel(self, number: str, actor: Actor, at: datetime, reason: str) -> StoredRecord:
        """See `FiscalStore`."""
        async with self._begin(at) as connection:
            given = await _registered(connection, number)
            registered = given.chained.record
            end = await _end_of(connection, registered.issuer)
            # Another may have cancelled it before the chain was held.
            await _registered(connection, number)
            software = (await _setting(connection)).software or BillingSoftware("", "", "", "")
            record = FiscalRecord(
                kind=RecordKind.CANCELLATION,
                issuer=registered.issuer,
                number=registered.number,
                issued=registered.issued,
                invoice_type="",
                tax=registered.tax * 0,
                total=registered.total * 0,
                previous=end.sha256,
                at=at.astimezone(registered.at.tzinfo).replace(microsecond=0),
            )
            values = {"issuer": registered.issuer, "number": number}
            cursor = await connection.execute(_SQL["bill_of"], values)
            row = await cursor.fetchone()
            if row is None:
                raise _no_record(number)
            content = cancellation_xml(record, end.last, software)
            await _add(connection, end, record, row[0], content, at)
            detail = {"issuer": record.issuer, "sha256": record.sha256, "reason": reason}
            await audit(connection, at, actor, "fiscal.cancelled", number, detail)
        chained = ChainedRecord(end.ordinal + 1, record, record.sha256)
        return StoredRecord(chained, content.decode())


async def _registered(connection: AsyncConnection[_Row], number: str) -> StoredRecord:
    """The registration of an invoice that is not cancelled."""
    entries = {entry.chained.record.kind: entry for entry in await _of_number(connection, number)}
    if RecordKind.CANCELLATION in entries:
        message = f"The registration of {number} is cancelled already."
        raise RegistrationCancelledError(message, value=number)
    if RecordKind.REGISTRATION not in entries:
        raise _no_record(number)
    return entries[RecordKind.REGISTRATION]


def _no_record(number: str) -> NoFiscalRecordError:
    message = f"The register has no invoice {number}."
    return NoFiscalRecordError(message, value=number)


async def _setting(connection: AsyncConnection[_Row]) -> FiscalSetting:
    cursor = await connection.execute(_SQL["setting"])
    row = await cursor.fetchone()
    if row is None or row[0] == FiscalMode.NONE:
        return FiscalSetting()
    return FiscalSetting(FiscalMode(row[0]), BillingSoftware(**row[1]))


async def _of_number(connection: AsyncConnection[_Row], number: str) -> list[StoredRecord]:
    cursor = await connection.execute(_SQL["of_number"], {"number": number})
    return [_stored(row) for row in await cursor.fetchall()]


def _stored(row: _Row) -> StoredRecord:
    ordinal, kind, issuer, number, issued, invoice_type, tax, total, previous, at, sha256, xml = row
    record = FiscalRecord(
        kind=RecordKind(kind),
        issuer=issuer,
        number=number,
        issued=issued,
        invoice_type=invoice_type,
        tax=tax,
        total=total,
        previous=previous,
        at=datetime.fromisoformat(at),
    )
    return StoredRecord(ChainedRecord(ordinal, record, sha256), xml)
