"""What a change of agreements needs of a store where drafts and held bills stand in its way."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import NamedTuple, Protocol
from uuid import UUID


class DiscardedBill(NamedTuple):
    """A bill that was discarded.

    Args:
        uid: Its identifier outside.
        name: Account and period, such as `A-1001/2026-10`.
    """

    uid: UUID
    name: str


class OpenBillsTransaction(Protocol):
    """Bills that nobody has decided on, in one transaction."""

    async def discard_open(
        self, occupancies: Collection[int], since: date
    ) -> tuple[DiscardedBill, ...]:
        """Discard drafts and held bills that bill days of occupancies from a day on.

        So are those behind them; their days are free. Approved and issued bills stay.

        Args:
            occupancies: Keys.
            since: The first day that is to be free.

        Raises:
            PeriodBilledError: One was approved meanwhile, or days behind one are.
        """

    async def discard_settlements(self, account: str) -> tuple[DiscardedBill, ...]:
        """Discard drafts and held bills that settle what an occupancy of an account left.

        Args:
            account: Number.

        Raises:
            PeriodBilledError: One was approved meanwhile.
        """
