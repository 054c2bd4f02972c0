"""What somebody finds by a part of its name, number or address."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from central.domain.access.policy import Permission


class SearchKind(StrEnum):
    """What can be found, in the order in which a page shows it."""

    ACCOUNT = "account"
    POINT = "point"
    METER = "meter"
    GATEWAY = "gateway"


SEEN_WITH: Final = MappingProxyType(
    {
        SearchKind.ACCOUNT: Permission.READ_CUSTOMERS,
        SearchKind.POINT: Permission.READ_POINTS,
        SearchKind.METER: Permission.READ_USAGE,
        SearchKind.GATEWAY: Permission.READ_FIELD,
    }
)
"""Whoever lacks it finds nothing of the kind."""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One thing that was found.

    Args:
        kind: What it is.
        key: Its identifier in addresses of pages; empty where it has no page.
        label: Number, serial or name that people call it by.
        detail: Name of the customer, maker of the meter, or address; may be empty.
        meter: Identifier of the meter that is at a service point now.
        serial: That meter's serial number.
        account: Identifier of the account that has an agreement for it today, where whoever asks
            may see it.
        number: That account's number.
    """

    kind: SearchKind
    key: str
    label: str
    detail: str
    meter: str = ""
    serial: str = ""
    account: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class SearchPart:
    """What was found of one kind.

    Args:
        kind: What all of it is.
        hits: By label; whole words before beginnings.
        more: Whether there is more than that.
    """

    kind: SearchKind
    hits: tuple[SearchHit, ...]
    more: bool
