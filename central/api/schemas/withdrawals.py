"""What an operator sends to withdraw something that was entered by mistake."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, StringConstraints

from central.api.schemas.writes import Name, NameplateText, Order, Reason
from central.service.ports.withdrawals import NamedAgreement, NamedInstallation


class WithdrawAgreementIn(Order):
    """Which agreement is withdrawn, and why; the service where the account has several."""

    account: Name
    service_point: Name
    first: date
    service: Name | None = None
    reason: Reason

    def named(self) -> NamedAgreement:
        """The agreement that is meant."""
        return NamedAgreement(self.account, self.service_point, self.first, self.service)


class WithdrawInstallationIn(Order):
    """Which meter at which point is withdrawn, and why."""

    service_point: Name
    manufacturer: Annotated[str, StringConstraints(min_length=1, max_length=16)]
    serial: NameplateText
    start: AwareDatetime
    reason: Reason

    def named(self) -> NamedInstallation:
        """The installation that is meant."""
        return NamedInstallation(self.service_point, self.manufacturer, self.serial, self.start)
