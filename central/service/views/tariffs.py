"""What an operator sees of tariffs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class TariffView:
    """One version of a tariff.

    Args:
        tariff: The tariff's name.
        effective: First local date it applies to.
        sha256: Content hash of the document, hexadecimal.
        currency: ISO 4217 code.
        added_at: When it was put into the store.
        revision: Its place among those of its date; the newest holds.
        withdrawn: That it takes back what its date began.
        reason: Why it corrects or withdraws the one before.
    """

    tariff: str
    effective: date
    sha256: str
    currency: str
    added_at: datetime
    revision: int
    withdrawn: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class TariffUse:
    """A tariff, and where it is used.

    Args:
        tariff: Its name.
        in_force: First day of the version of today; None where none is in force yet.
        next_from: First day of the next version; None where there is none.
        versions: How many there are that are not withdrawn.
        currency: ISO 4217 code; None where all are withdrawn.
        changed_at: When the newest of them was recorded.
        agreements: How many hold today.
        accounts: Of how many accounts.
    """

    tariff: str
    in_force: date | None
    next_from: date | None
    versions: int
    currency: str | None
    changed_at: datetime | None
    agreements: int
    accounts: int
