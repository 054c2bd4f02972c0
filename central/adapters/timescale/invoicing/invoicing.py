"""What is said of invoices and their deliveries on PostgreSQL; the statements: `invoicing.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import Personal, change
from central.domain.billing.invoice_terms import SupplyTerms
from central.domain.billing.invoicing import (
    AccountInvoicing,
    DeliveryChannel,
    Invoicing,
    InvoicingError,
    PointInvoicing,
    SellerInvoicing,
    TermsInForce,
    TermsOf,
    invoicing_json,
    read_invoicing,
)
from central.service.ports.bill_checks import BillNames
from central.service.ports.decisions import DecisionNote
from central.service.ports.invoicing import (
    DeliveryResult,
    InvoiceDelivery,
    InvoiceDeliveryState,
    InvoicingVersion,
    NoDocumentYetError,
    NoSuchInvoiceDeliveryError,
)
from central.service.ports.registry import NotRegisteredError

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]
_PERSONAL = frozenset({"email"})
_PARTY_PERSONAL = frozenset({"endpoint", "reference", "legal_id", "town", "postcode"})


class TimescaleInvoicing:
    """`InvoicingStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def _begin(self, at: datetime | None = None) -> AsyncIterator[_Connection]:
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                if at is not None:
                    await record_at(connection, at)
                yield connection

    async def set_terms(
        self, kind: TermsOf, name: str, invoicing: Invoicing, note: DecisionNote
    ) -> int:
        """See `InvoicingStore`."""
        async with self._begin(note.at) as connection:
            values = {"kind": kind.value, "name": name}
            await connection.execute(_SQL["hold"], values)
            if not (await _rows(connection, "registered", **values))[0][0]:
                message = f"There is no {kind} {name!r}."
                raise NotRegisteredError(message, value=name)
            before = await _newest(connection, kind, name)
            if before is not None and before.invoicing == invoicing:
                return before.version
            version = 1 if before is None else before.version + 1
            document, personal = _parted(kind, invoicing_json(invoicing))
            noted = {"reason": note.reason, "actor": note.actor.key, "at": note.at}
            row = {"document": Jsonb(document), "personal": Jsonb(personal) if personal else None}
            await connection.execute(
                _SQL["add_terms"], {**values, **noted, **row, "version": version}
            )
            old = {} if before is None else _logged(kind, before.invoicing)
            detail = change(old, _logged(kind, invoicing), note.reason)
            action = f"{kind}.invoicing_set"
            # A bill may be held by what is said, or released.
            await ChangedInputs(
                points={name} if kind is TermsOf.POINT else set(),
                accounts={name} if kind is TermsOf.ACCOUNT else set(),
                settings=kind is TermsOf.SELLER,
            ).raise_in(connection)
            await audit(connection, note.at, note.actor, action, name or "seller", detail)
            return version

    async def terms(self, kind: TermsOf, name: str) -> InvoicingVersion | None:
        """See `InvoicingStore`."""
        async with self._begin() as connection:
            return await _newest(connection, kind, name)

    async def waits(self, at: datetime) -> bool:
        """See `InvoicingStore`."""
        async with self._begin() as connection:
            return bool((await _rows(connection, "waits", at=at))[0][0])

    async def give_up_claimed(self, at: datetime) -> int:
        """See `InvoicingStore`."""
        async with self._begin(at) as connection:
            return len(await _rows(connection, "give_up", at=at))

    async def claim(self, at: datetime, until: datetime, limit: int) -> Sequence[InvoiceDelivery]:
        """See `InvoicingStore`."""
        async with self._begin(at) as connection:
            values = {
                "at": at,
                "until": until,
                "limit": limit,
                "channel": DeliveryChannel.EMAIL.value,
            }
            return [_delivery(row) for row in await _rows(connection, "claim", **values)]

    async def claim_print(
        self, at: datetime, until: datetime, run: UUID | None, limit: int
    ) -> Sequence[InvoiceDelivery]:
        """See `InvoicingStore`."""
        values = {"at": at, "until": until, "run": run, "limit": limit}
        async with self._begin(at) as connection:
            rows = await _rows(connection, "claim_print", **values)
        return sorted(map(_delivery, rows), key=lambda each: (each.number, each.copy))

    async def wait_again(self, uids: Sequence[UUID], at: datetime) -> None:
        """See `InvoicingStore`."""
        async with self._begin(at) as connection:
            await _rows(connection, "wait_again", uids=list(uids), at=at)

    async def printed(self, uids: Sequence[UUID], note: DecisionNote) -> None:
        """See `InvoicingStore`."""
        values = {"uids": list(uids), "detail": note.reason, "at": note.at}
        async with self._begin(note.at) as connection:
            count = len(await _rows(connection, "printed", **values))
            detail = change(None, {"documents": count}, note.reason)
            await audit(connection, note.at, note.actor, "invoice.printed", "print file", detail)

    async def ended(self, uid: UUID, result: DeliveryResult, at: datetime) -> bool:
        """See `InvoicingStore`."""
        over = result.due_at is None
        async with self._begin(at) as connection:
            rows = await _rows(
                connection,
                "ended",
                uid=uid,
                state=result.state.value,
                detail=result.detail,
                due_at=result.due_at,
                ended_at=at if over else None,
            )
        return bool(rows)

    async def again(self, bill: UUID, note: DecisionNote) -> UUID:
        """See `InvoicingStore`."""
        async with self._begin(note.at) as connection:
            values = {"kind": "delivery", "name": str(bill)}
            await connection.execute(_SQL["hold"], values)
            rows = await _rows(connection, "next_copy", bill=bill)
            if not rows or not rows[0][2]:
                message = f"The bill {bill} has no document to deliver."
                raise NoDocumentYetError(message, value=str(bill))
            delivery = await deliver_copy(connection, bill, rows[0][1], note.at, note.actor.key)
            if delivery is None:
                message = "The account does not say how it gets its invoices."
                remedy = "Say it with `invoicing account`."
                raise InvoicingError(message, value=str(bill), remedy=remedy)
            detail = change(None, {"delivery": str(delivery)}, note.reason)
            await audit(
                connection, note.at, note.actor, "invoice.delivered_again", str(bill), detail
            )
            return delivery

    async def bounced(self, delivery: UUID, note: DecisionNote) -> None:
        """See `InvoicingStore`."""
        async with self._begin(note.at) as connection:
            values = {"uid": delivery, "detail": note.reason, "at": note.at}
            if not await _rows(connection, "bounced", **values):
                message = f"There is no mail {delivery} that was sent."
                raise NoSuchInvoiceDeliveryError(message, value=str(delivery))
            detail = change({"state": "sent"}, {"state": "bounced"}, note.reason)
            await audit(connection, note.at, note.actor, "invoice.bounced", str(delivery), detail)

    async def deliveries(
        self,
        *,
        state: InvoiceDeliveryState | None = None,
        bill: UUID | None = None,
        after: str = "",
        limit: int,
    ) -> Sequence[InvoiceDelivery]:
        """See `InvoicingStore`."""
        values = {
            "state": None if state is None else state.value,
            "bill": bill,
            "uid": None,
            "after": after,
            "limit": limit,
        }
        async with self._begin() as connection:
            return [_delivery(row) for row in await _rows(connection, "deliveries", **values)]

    async def delivery(self, uid: UUID) -> InvoiceDelivery | None:
        """See `InvoicingStore`."""
        nothing: dict[str, object] = {"state": None, "bill": None, "after": ""}
        async with self._begin() as connection:
            rows = await _rows(connection, "deliveries", uid=uid, limit=1, **nothing)
        return _delivery(rows[0]) if rows else None


async def deliver_copy(
    connection: _Connection, bill: UUID, copy: int, at: datetime, actor: str
) -> UUID | None:
    """Make a delivery of a document, in the connection's transaction.

    Returns:
        Which; None where the account says no channel, or the copy is there.
    """
    rows = await _rows(connection, "deliver", bill=bill, copy=copy, at=at, actor=actor)
    return rows[0][0] if rows else None


async def terms_in_force(
    connection: _Connection, bills: Sequence[UUID]
) -> dict[UUID, TermsInForce]:
    """What seller, accounts and points say of the invoices of some bills, now."""
    rows = await _rows(connection, "named", bills=list(bills))
    terms = await terms_of(connection, [BillNames(row[1], tuple(row[2])) for row in rows])
    return {row[0]: in_force for row, in_force in zip(rows, terms, strict=True)}


async def terms_of(connection: _Connection, named: Sequence[BillNames]) -> list[TermsInForce]:
    """What seller, accounts and points say of invoices now.

    Args:
        connection: Where to ask.
        named: Of each bill the account and the points.
    """
    newest = await _newest(connection, TermsOf.SELLER, "")
    sold_by = SellerInvoicing() if newest is None else newest.invoicing
    seller = sold_by if isinstance(sold_by, SellerInvoicing) else SellerInvoicing()
    accounts: dict[str, AccountInvoicing] = {}
    for number, document, personal in await _rows(
        connection, "of_accounts", numbers=sorted({each.account for each in named})
    ):
        given = _joined(TermsOf.ACCOUNT, document, personal)
        if isinstance(given, AccountInvoicing):
            accounts[number] = given
    points: dict[str, SupplyTerms] = {}
    coded: set[str] = set()
    for point, address, document in await _rows(
        connection, "of_points", names=sorted({point for each in named for point in each.points})
    ):
        invoicing = read_invoicing(TermsOf.POINT, document or {})
        code = invoicing if isinstance(invoicing, PointInvoicing) else PointInvoicing()
        points[point] = SupplyTerms(point, code.scheme, code.code, address)
        coded |= {point} if document else set()
    return [
        TermsInForce(
            seller,
            accounts.get(each.account, AccountInvoicing()),
            tuple(points.get(point, SupplyTerms(point)) for point in each.points),
            newest is not None or each.account in accounts or bool(coded & set(each.points)),
        )
        for each in named
    ]


def _parted(kind: TermsOf, members: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is personal of an account stands apart."""
    if kind is not TermsOf.ACCOUNT:
        return members, {}
    party = members.get("party", {})
    apart = {name: members[name] for name in members if name in _PERSONAL}
    named = {name: party[name] for name in party if name in _PARTY_PERSONAL}
    rest = {name: value for name, value in members.items() if name not in _PERSONAL}
    if "party" in rest:
        rest["party"] = {name: party[name] for name in party if name not in _PARTY_PERSONAL}
    return rest, apart | ({"party": named} if named else {})


def _joined(kind: TermsOf, document: dict[str, Any], personal: dict[str, Any] | None) -> Invoicing:
    apart = personal or {}
    members = {**document, **{name: apart[name] for name in apart if name != "party"}}
    party = {**document.get("party", {}), **apart.get("party", {})}
    if party:
        members["party"] = party
    if members.get("channel") == DeliveryChannel.EMAIL.value and "email" not in members:
        # The address is erased: nothing is sent there any more.
        del members["channel"]
    return read_invoicing(kind, members)


def _logged(kind: TermsOf, invoicing: Invoicing) -> dict[str, Any]:
    document, personal = _parted(kind, invoicing_json(invoicing))
    return {**document, **{f"personal {name}": Personal(personal[name]) for name in personal}}


async def _newest(connection: _Connection, kind: TermsOf, name: str) -> InvoicingVersion | None:
    rows = await _rows(connection, "terms", kind=kind.value, name=name)
    if not rows:
        return None
    version, document, personal, actor, at, reason = rows[0]
    invoicing = _joined(kind, document, personal)
    return InvoicingVersion(kind, name, version, invoicing, actor, at, reason)


def _delivery(row: _Row) -> InvoiceDelivery:
    uid, bill, number, account, copy, channel, target, link, state, *rest = row
    return InvoiceDelivery(
        uid,
        bill,
        number,
        account,
        copy,
        DeliveryChannel(channel),
        target,
        link,
        InvoiceDeliveryState(state),
        *rest,
    )


async def _rows(connection: _Connection, statement: str, **values: object) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
