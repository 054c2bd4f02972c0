"""What is asked of a database about the installation itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class InstallationFacts:
    """How a database is set up, and what was entered.

    Args:
        server: Version of PostgreSQL, such as 180004.
        timescaledb: Version of the extension; None without it.
        is_superuser: Whether the services sign in as a superuser.
        owned: Tables that the application's role owns; none is right.
        gateways: How many are enrolled.
        has_tariff: Whether there is a version of a tariff.
        has_agreement: Whether there is an agreement.
        has_seller: Whether it is known who bills.
    """

    server: int
    timescaledb: str | None
    is_superuser: bool
    owned: int
    gateways: int
    has_tariff: bool
    has_agreement: bool
    has_seller: bool


class InstallationStore(Protocol):
    """Says how a database is set up."""

    async def facts(self) -> InstallationFacts:
        """Ask once.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        ...
