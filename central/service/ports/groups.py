"""What named groups need of a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from central.domain.billing.run_scope import RunScope
from firmware_bridge.contract.errors import OperatorError


class UnknownScopeError(OperatorError):
    """A run is narrowed to a group or an account that is not there."""

    code = "UNKNOWN_SCOPE"
    default_remedy = "Check the account's number."


class GroupOf(StrEnum):
    """What a group's members are."""

    POINT = "point"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Membership:
    """A member of a group for some days.

    Args:
        member: Name of the service point or number of the account.
        first: First local day.
        end: The day after the last; None while it lasts.
    """

    member: str
    first: date
    end: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether it lasts on a day."""
        return self.first <= day and (self.end is None or day < self.end)


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A named group.

    Args:
        name: Letters, digits, `-`, `_`, `.` and `:`.
        of: What its members are.
    """

    name: str
    of: GroupOf


class GroupTransaction(Protocol):
    """Groups and their members, in one transaction."""

    async def groups(self) -> tuple[tuple[GroupRecord, int], ...]:
        """All groups by name, with the number of their memberships of any day."""

    async def group(self, name: str, *, hold: bool = False) -> GroupRecord | None:
        """A group.

        Args:
            name: Of the group.
            hold: Keep others from changing its members until the transaction ends.
        """

    async def add_group(self, group: GroupRecord) -> None:
        """Add a group.

        Raises:
            RegistryConflictError: There is one of that name.
        """

    async def memberships(self, group: str, member: str | None = None) -> tuple[Membership, ...]:
        """Members of a group, by name and first day.

        Args:
            group: Its name.
            member: This one only.
        """

    async def add_membership(self, group: str, membership: Membership) -> None:
        """Add a member.

        Raises:
            RegistryConflictError: It is in the group on one of the days.
        """

    async def end_membership(self, group: str, member: str, first: date, end: date | None) -> None:
        """Set the end of the membership that begins on a day.

        Raises:
            RegistryConflictError: It would overlap the next.
        """

    async def drop_membership(self, group: str, member: str, first: date) -> None:
        """Take back the membership that begins on a day."""


def require_members(accounts: Sequence[int], scope: RunScope, day: date) -> None:
    """Refuse what narrows a run to nobody: billing nobody is not billing.

    Args:
        accounts: Whom it selects.
        scope: Of the run.
        day: On which it selects them.

    Raises:
        UnknownScopeError: It is nobody.
    """
    if not accounts:
        message = f"Nobody is selected by {scope} on {day}."
        remedy = "Look at the group's members with `group show`, and the days that they are in it."
        raise UnknownScopeError(message, value=str(scope), remedy=remedy)


def require_known(scope: RunScope, *, group: bool, account: bool) -> None:
    """Check that what narrows a run is there.

    Args:
        scope: Of the run.
        group: Whether there is such a group, or none is named.
        account: Likewise.

    Raises:
        UnknownScopeError: It is not.
    """
    if not group:
        message = f"There is no group {scope.group!r}."
        remedy = "Choose one of `group list`."
        raise UnknownScopeError(message, value=scope.group, remedy=remedy)
    if not account:
        message = f"The registry has no account {scope.account!r}."
        raise UnknownScopeError(message, value=scope.account)
