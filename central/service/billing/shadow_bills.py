"""Compare what another system billed with the bills that are here; nothing is changed."""

from __future__ import annotations

from central.domain.billing.shadow_bill import (
    ComparedBill,
    ShadowLine,
    ShadowReport,
    compared_lines,
)
from central.service.billing.shadow_file import ShadowLines
from central.service.ports.billing import BillingStore, BillRecord


class ShadowBills:
    """The use-case.

    Args:
        store: Where bills are kept.
    """

    def __init__(self, store: BillingStore) -> None:
        self._store = store

    async def __call__(self, lines: ShadowLines) -> ShadowReport:
        """Compare each bill of the other system with ours of that account and period.

        A draft counts as an issued bill does; of several it is the newest. A held bill has no
        lines, so all of theirs are missing.

        Args:
            lines: As `read_shadow_lines` gave them.
        """
        bills = []
        for (account, period), theirs in lines.items():
            record = await self._newest(account, period)
            ours = (
                [] if record is None else [ShadowLine.of(each.line) for each in record.bill.lines]
            )
            name = None if record is None else record.number or f"{account}/{period}"
            bills.append(ComparedBill(account, period, name, compared_lines(theirs, ours)))
        return ShadowReport(tuple(bills))

    async def _newest(self, account: str, period: str) -> BillRecord | None:
        """Our bill of an account and period that has lines; None where there is none."""
        for of_period in reversed(await self._store.of_period(account, period)):
            record = await self._store.bill(of_period.uid) if of_period.live else None
            if record is not None and record.bill.lines:
                return record
        return None
