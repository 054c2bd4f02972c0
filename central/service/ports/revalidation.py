"""What doing something again needs of a store."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from central.service.ports.exception_notes import ActionNote
from central.service.ports.validation import ChannelDay


class RevalidationStore(Protocol):
    """Where days wait for validation, and bills are found by their key."""

    async def queue_day(self, finding: int, answer: ActionNote) -> bool:
        """Have the day of a finding of validation validated again, and log it; whether it is there.

        Args:
            finding: Its number.
            answer: Who, why and when.
        """

    async def day_of(self, finding: int) -> ChannelDay | None:
        """The channel and the local day that a finding of validation is about.

        Args:
            finding: Its number.
        """

    async def bill_uid(self, number: int) -> UUID | None:
        """The identifier of a bill by its key."""

    async def rated_again(self, uid: UUID, answer: ActionNote, state: str) -> None:
        """Log that a bill was rated again.

        Args:
            uid: Its identifier.
            answer: Who, why and when.
            state: Where it stands now.
        """
