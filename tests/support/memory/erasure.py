"""Erasing in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from central.domain.billing.state import BillState
from central.service.ports.erasure import ERASED, RetainedAccount
from central.service.ports.registry import AccountRecord
from central.service.ports.stamps import InputKind
from tests.support.memory.account_state import may_be_settled
from tests.support.memory.books import BookState, MemoryBooks

_OPEN = (BillState.DRAFT, BillState.HELD, BillState.APPROVED)


class ErasureTables:
    """`ErasureTransaction` over dictionaries."""

    _state: BookState
    _books: MemoryBooks

    def _account_key(self, number: str) -> int | None:
        accounts = self._state.accounts.items()
        return next((key for key, account in accounts if account.number == number), None)

    async def retained(self, number: str) -> RetainedAccount | None:
        state, key = self._state, self._account_key(number)
        if key is None:
            return None
        ends = [
            agreement.end or date.max
            for agreement in state.agreements.values()
            if agreement.account == number
        ]
        records = [bill.record for bill in state.bills.values() if bill.account_id == key]
        issued = [record for record in records if record.bill.state is BillState.ISSUED]
        days = [record.issue.issued for record in issued if record.issue is not None]
        not_billed = any(
            occupancy.ended_on is not None
            and occupancy.ended_on > max(end for (of, end) in state.claims if of == chain)
            for chain, occupancy in state.occupancies.items()
            if occupancy.account == number
        )
        return RetainedAccount(
            state.erased.get(key),
            max(ends, default=None),
            sum(record.bill.state in _OPEN for record in records),
            not_billed,
            any(
                may_be_settled(state, chain)
                for chain, occupancy in state.occupancies.items()
                if occupancy.account == number
            ),
            len(issued),
            max(days, default=None),
        )

    async def erase_account(self, number: str, at: datetime) -> None:
        key = self._account_key(number)
        assert key is not None
        self._state.accounts[key] = AccountRecord(number, ERASED)
        self._state.erased[key] = at
        for name, revision in self._state.registry_revisions.items():
            if name[:2] == ("account", number):
                self._state.registry_revisions[name] = replace(revision, content={})
        tables = self._books.ingest.state
        lines = {
            f"p{place}"
            for place, line in tables.audit.items()
            if line.subject == number and line.action.startswith("account.")
        }
        tables.personal = {uid: pair for uid, pair in tables.personal.items() if uid not in lines}
        self._state.raise_input(InputKind.ACCOUNT, number)
