"""Why the registry refuses what is asked."""

from __future__ import annotations

from typing import TypeVar

from central.domain.billing.bill import Party
from central.service.ports.registry import NotRegisteredError, SellerDiffersError

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
