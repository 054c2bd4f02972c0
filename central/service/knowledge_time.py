"""What was known at a time: which times may be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from firmware_bridge.contract.errors import InvalidValueError

SETTLED_AFTER = timedelta(minutes=5)
"""No transaction lasts longer, so what was recorded before is all there."""


class UnsettledTimeError(InvalidValueError):
    """What was known at a time may still change: a transaction that began before may be open."""

    code = "AS_OF_UNSETTLED"
    default_remedy = "Ask for 5 minutes ago or earlier."


class NotKeptTimeError(InvalidValueError):
    """What was known at a time was overwritten by an earlier release, which kept no past."""

    code = "AS_OF_NOT_KEPT"


@dataclass(frozen=True, slots=True)
class KnowledgeTime:
    """A time as of which stores answer, and for ever the same.

    What is recorded has the time at which its writer's transaction began, by his clock; no
    transaction outlives `SETTLED_AFTER`.

    Args:
        at: Aware; what was recorded by then was known.
    """

    at: datetime

    @classmethod
    def of(cls, at: datetime, now: datetime) -> Self:
        """A time that may be asked for.

        Args:
            at: The time.
            now: The present, aware.

        Raises:
            InvalidValueError: It has no UTC offset.
            UnsettledTimeError: It is later than five minutes ago.
        """
        if at.utcoffset() is None:
            message = f"{at} has no UTC offset."
            remedy = "Write it with one, such as 2026-10-31T23:00:00Z."
            raise InvalidValueError(message, value=at, remedy=remedy)
        if at > now - SETTLED_AFTER:
            message = f"What was known at {at.isoformat()} may still change."
            raise UnsettledTimeError(message, value=at)
        return cls(at)

    @classmethod
    def parse(cls, text: str, now: datetime) -> Self:
        """The time that a text such as 2026-10-31T23:00:00Z writes.

        Raises:
            InvalidValueError: It is no time, or has no UTC offset.
            UnsettledTimeError: It is later than five minutes ago.
        """
        try:
            at = datetime.fromisoformat(text)
        except ValueError as error:
            message = f"{text!r} is not a time."
            remedy = "Write it with its offset, such as 2026-10-31T23:00:00Z."
            raise InvalidValueError(message, value=text, remedy=remedy) from error
        return cls.of(at, now)
