"""What releasing a held bill needs of a store."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from central.domain.billing.state import BillState
from central.service.ports.exception_notes import ActionNote


@dataclass(frozen=True, slots=True)
class ReleasedBill:
    """A bill of which reasons were released.

    Args:
        uid: Its identifier outside.
        codes: Of the reasons that were.
        left: Codes of those that hold it still.
    """

    uid: UUID
    codes: tuple[str, ...]
    left: tuple[str, ...] = ()

    @property
    def state(self) -> BillState:
        """Where it stands now."""
        return BillState.HELD if self.left else BillState.DRAFT


class BillReleaseStore(Protocol):
    """Where held bills are released."""

    async def release(
        self, uid: UUID, codes: Collection[str], answer: ActionNote
    ) -> ReleasedBill | None:
        """Take reasons of checks from a held bill, keep who did and log it, in one transaction.

        What it says stays; where nothing else holds it, it is a draft.

        Args:
            uid: Of the bill.
            codes: Which of its reasons may be taken.
            answer: Who, why and when.

        Returns:
            What was released; None where no held bill has such a reason.
        """
