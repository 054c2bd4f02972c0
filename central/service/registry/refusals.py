"""Why the registry refuses what is asked."""

from __future__ import annotations

from typing import TypeVar

from central.domain.billing.bill import Party
from central.service.ports.registry import (
    InstallationRecord,
    NotRegisteredError,
    SellerDiffersError,
)
from firmware_bridge.contract.errors import InvalidValueError

Thing = TypeVar("Thing")


def need(thing: Thing | None, kind: str, name: str) -> Thing:
    """What the registry has under a name.

    Raises:
        NotRegisteredError: It has nothing.
    """
    if thing is None:
        message = f"The registry has no {kind} {name!r}."
        raise NotRegisteredError(message, value=name)
    return thing


def other_seller(before: Party, seller: Party) -> SellerDiffersError:
    """That another seller is given than the one who charges."""
    fields = [name for name, text in seller.to_json().items() if before.to_json()[name] != text]
    message = f"The seller is {before.name}; another {', '.join(fields)} is given."
    remedy = "Leave the seller out, or give `--replace-seller` with the reason."
    return SellerDiffersError(message, value=seller.name, remedy=remedy)


def require_days(installation: InstallationRecord) -> None:
    """Check that a meter comes out after it went in.

    Raises:
        InvalidValueError: It does not.
    """
    end, start = installation.end, installation.start
    if end is not None and end <= start:
        message = f"{installation.serial} cannot come out at {end}: it goes in at {start}."
        remedy = "Give a later time, or take it back with `installation withdraw`."
        raise InvalidValueError(message, value=end, remedy=remedy)
