"""What taking customers over from another billing system needs of a store."""

from __future__ import annotations

from typing import Protocol

from central.domain.billing.cutover_opening import CutoverOpening


class CutoverTransaction(Protocol):
    """Openings of claim chains and numbers of invoices, in one transaction."""

    async def opening(self, occupancy: int) -> CutoverOpening | None:
        """What an occupancy was taken over with."""

    async def save_opening(self, occupancy: int, opening: CutoverOpening | None) -> None:
        """Set what an occupancy that is not billed yet opens with; None takes it away."""

    async def last_number(self, series: str) -> int:
        """The last number given in a series, 0 where none was; held until the end."""

    async def save_number(self, series: str, last: int) -> None:
        """Set the last number given in a series."""
