"""What taking back agreements and installations, entered by mistake, needs of a store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol

from central.domain.rating.inputs.carried_state import CarriedState
from firmware_bridge.contract.errors import OperatorError


class AlreadyWithdrawnError(OperatorError):
    """What is to be withdrawn was withdrawn before."""

    code = "ALREADY_WITHDRAWN"
    default_remedy = "Nothing is left to do; `meterline-central registry history` says who did it."


@dataclass(frozen=True, slots=True)
class NamedAgreement:
    """Which agreement is meant.

    Args:
        account: Number.
        point: Name.
        first: Its first local day.
        service: Name; None where the account has one agreement there from that day on.
    """

    account: str
    point: str
    first: date
    service: str | None = None

    def __str__(self) -> str:
        return f"{self.account} at {self.point} from {self.first}"


@dataclass(frozen=True, slots=True)
class NamedInstallation:
    """Which installation is meant.

    Args:
        point: Name.
        manufacturer: Of the meter.
        serial: Of the meter.
        start: When it went in. Aware.
    """

    point: str
    manufacturer: str
    serial: str
    start: datetime

    def __str__(self) -> str:
        return f"{self.manufacturer}/{self.serial} from {self.start.astimezone(UTC).isoformat()}"


class WithdrawalTransaction(Protocol):
    """Withdrawing in one transaction; what is withdrawn holds at no time from then on."""

    async def withdraw_agreement(self, agreement: NamedAgreement) -> None:
        """Withdraw an agreement that is there; its service is named."""

    async def handed_over(self, occupancy: int, day: date) -> str | None:
        """To which other tariff an issued bill handed what it left, where that is for good.

        It is where an earlier release issued it, or something that is the account's own got
        another name; else what it left goes back to its own tariff where the other never comes.

        Args:
            occupancy: Key.
            day: The day after the bill's last.

        Returns:
            Its name; None where there is no such bill.
        """

    async def left_to_nobody(self, occupancy: int) -> CarriedState:
        """What is the account's own, where all of its other occupancies are settled for good.

        Nothing where no other is, or one is not.

        Args:
            occupancy: Key of one of the account.
        """

    async def withdraw_installation(self, installation: NamedInstallation) -> None:
        """Withdraw an installation that is there."""

    async def not_issued(
        self, point: str, first: date, end: date | None
    ) -> tuple[date, date] | None:
        """The days of a point that drafts, held and approved bills say, of any account.

        Args:
            point: Its name.
            first: The first day that is asked for.
            end: The day after the last; None where it has no end.

        Returns:
            The first day, and the day after the last; None where there are none.
        """
