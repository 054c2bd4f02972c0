"""The account ledger in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from central.domain.audit.change import change
from central.domain.billing.ledger import BANKED, ONE_OFF, LedgerEntry, OpenEntry
from central.domain.billing.state import BillState
from central.domain.rating.inputs.expiry import NEVER
from central.service.billing.ledger_checks import check_payment, check_same, check_taken_back
from central.service.ports.decisions import DecisionNote
from central.service.ports.ledger import PostedEntry
from central.service.ports.registry import NotRegisteredError
from central.service.ports.stamps import InputKind
from tests.support.memory.books import BookState, KeptBill, MemoryBooks
from tests.support.memory.tariffs import in_force


class MemoryLedger:
    """`LedgerStore` over dictionaries.

    Args:
        books: The utility.
    """

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    async def tariffs_of(self, account: str, point: str) -> Sequence[str] | None:
        async with self._books.begin() as state:
            if account not in {record.number for record in state.accounts.values()}:
                return None
            names = {
                agreement.tariff
                for agreement in state.agreements.values()
                if agreement.account == account and point in {"", agreement.point}
            }
            return [record.document for record in in_force(state) if record.name in names]

    async def post(self, entry: LedgerEntry, note: DecisionNote, *, keep: bool = True) -> bool:
        async with self._books.begin() as state:
            numbers = {record.number: key for key, record in state.accounts.items()}
            if entry.account not in numbers:
                message = f"The registry has no account {entry.account!r}."
                raise NotRegisteredError(message, value=entry.account)
            if entry.key in state.ledger:
                check_same(posted(state, entry.key), entry)
                return False
            if entry.of:
                other = posted(state, entry.of) if entry.of in state.ledger else None
                check_taken_back(entry, other)
            if entry.bill:
                self._check_bill(state, entry, numbers[entry.account])
            if entry.point and entry.point not in state.points:
                message = f"The registry has no service point {entry.point!r}."
                raise NotRegisteredError(message, value=entry.point)
            if not keep:
                return True
            state.ledger[entry.key] = PostedEntry(
                len(state.ledger) + 1,
                entry,
                entry.amount,
                "",
                "",
                note.at,
                note.actor.key,
                note.reason,
            )
            state.raise_input(InputKind.ACCOUNT, entry.account)
            detail = change(None, entry.to_json(), note.reason)
            self._books.audit(note.at, note.actor, "ledger.posted", entry.key, detail)
            return True

    def _check_bill(self, state: BookState, entry: LedgerEntry, account: int) -> None:
        bill = _bill_of(state, entry.bill)
        check_payment(
            entry,
            of_account=bill is not None and bill.account_id == account,
            state=None if bill is None else bill.record.bill.state.value,
            currency=None if bill is None else bill.record.bill.currency,
        )

    async def entry(self, key: str) -> PostedEntry | None:
        async with self._books.begin() as state:
            return posted(state, key) if key in state.ledger else None

    async def entries(self, account: str | None, after: int, limit: int) -> Sequence[PostedEntry]:
        async with self._books.begin() as state:
            rows = [
                posted(state, key)
                for key, row in state.ledger.items()
                if account in {None, row.entry.account} and row.id > after
            ]
        return rows[:limit]


def _bill_of(state: BookState, uid: str) -> KeptBill | None:
    return next((bill for bill in state.bills.values() if str(bill.record.uid) == uid), None)


def posted(state: BookState, key: str) -> PostedEntry:
    """An entry with what has become of it."""
    row = state.ledger[key]
    taken = (other.entry.amount for other in state.ledger.values() if other.entry.of == key)
    left = Decimal(0) if row.entry.of else row.entry.amount - sum(taken, Decimal(0))
    consumer = consumer_of(state, row)
    if consumer is None:
        return replace(row, left=left)
    record = consumer.record
    return replace(row, left=left, consumed_by=str(record.uid), state=record.bill.state.value)


def consumer_of(state: BookState, row: PostedEntry) -> KeptBill | None:
    """The bill that has consumed an entry."""
    if row.entry.bill:
        return _bill_of(state, row.entry.bill)
    return next(
        (
            bill
            for bill in state.bills.values()
            if bill.record.bill.state is not BillState.DISCARDED
            and any(row.id in row_of_part.part.entries for row_of_part in bill.parts)
        ),
        None,
    )


def first_waiting(state: BookState, account: str, point: str) -> date | None:
    """First day of the charges and credits of a point, or of none, that no bill has taken."""
    rows = [
        row
        for key, row in state.ledger.items()
        if (row.entry.account, row.entry.point) == (account, point)
        and row.entry.kind in ONE_OFF
        and consumer_of(state, row) is None
        and posted(state, key).left > 0
    ]
    return min((row.entry.day for row in rows), default=None)


def open_entries(state: BookState, account: str, parts: Collection[int]) -> tuple[OpenEntry, ...]:
    """What bills of an account may consume; what these parts have consumed is among it."""
    listed = []
    for key, row in state.ledger.items():
        entry = row.entry
        if entry.account != account or entry.kind not in BANKED | ONE_OFF:
            continue
        consumer = consumer_of(state, row)
        if consumer is not None and not any(
            row_of_part.id in parts and row.id in row_of_part.part.entries
            for row_of_part in consumer.parts
        ):
            continue
        left = posted(state, key).left
        if left > 0:
            listed.append(
                OpenEntry(
                    row.id,
                    entry.bank,
                    entry.day,
                    entry.currency,
                    left,
                    entry.point,
                    entry.kind,
                    entry.key,
                    entry.name,
                    entry.taxes,
                    entry.expires or NEVER,
                )
            )
    return tuple(sorted(listed, key=lambda entry: (entry.day, entry.id)))
