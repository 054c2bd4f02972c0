"""What checks of bills ask of a store, for many bills at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, Protocol

from central.domain.billing.billing_settings import SettingsRevision
from central.domain.billing.check_policy import CheckPolicies
from central.domain.billing.invoicing import TermsInForce
from central.domain.billing.part_use import PartUse
from central.service.ports.einvoice_rules import Rules

PartKey = tuple[int, date]
"""Key of an occupancy, and the first day of a part of it."""


class AskedPart(NamedTuple):
    """A part of which history is asked.

    Args:
        occupancy_id: Key of the occupancy.
        point_id: Key of its service point.
        first: First local day of the part.
        end: The local day after its last.
    """

    occupancy_id: int
    point_id: int
    first: date
    end: date

    @property
    def key(self) -> PartKey:
        """Its key."""
        return self.occupancy_id, self.first


@dataclass(frozen=True, slots=True)
class CheckInputs:
    """What some parts are judged by.

    Args:
        policies: That hold on their last days.
        history: Live earlier parts of their occupancies that are not held, ascending.
    """

    policies: CheckPolicies = field(default_factory=CheckPolicies)
    history: Mapping[PartKey, Sequence[PartUse]] = field(default_factory=dict)


class ReleasedHold(NamedTuple):
    """A reason of a check that somebody released, for what the bill said then.

    Args:
        code: Of the check.
        content_sha256: Hex digest of all that the bill says but its reasons.
    """

    code: str
    content_sha256: str


class BillNames(NamedTuple):
    """Of whom and what a bill is.

    Args:
        account: Number.
        points: Names of its service points, in its order.
    """

    account: str
    points: tuple[str, ...]


class CheckReads(Protocol):
    """What a shard's transaction reads for checks.

    Args:
        at: When its bills are rated. Aware.
        rules: What judges structured invoices; None for nothing.
    """

    at: datetime
    rules: Rules | None

    async def check_inputs(self, parts: Sequence[AskedPart], days_back: int) -> CheckInputs:
        """What parts of bills are judged by.

        Args:
            parts: Which.
            days_back: How many calendar days before their first one history begins.
        """

    async def released(self, bills: Collection[int]) -> Mapping[int, Collection[ReleasedHold]]:
        """What was released of some bills, by their keys."""

    async def settings(self) -> Sequence[SettingsRevision]:
        """Every revision of the utility's settings, oldest first."""

    async def terms(self, named: Sequence[BillNames]) -> Sequence[TermsInForce]:
        """What seller, accounts and points say of the invoices of some bills, in their order."""
