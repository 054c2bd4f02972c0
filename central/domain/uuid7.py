"""Identifiers for the outside: UUID version 7, which sorts by time. Source: RFC 9562, 5.7."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

from firmware_bridge.contract.reading import to_ms

_VERSION = 7 << 76
_VARIANT = 0b10 << 62


def uuid7(at: datetime) -> UUID:
    """A new identifier.

    Args:
        at: Now, aware.

    Raises:
        InvalidValueError: `at` is naive.
    """
    chance = secrets.randbits(74)
    high, low = chance >> 62, chance & (1 << 62) - 1
    return UUID(int=to_ms(at) << 80 | _VERSION | high << 64 | _VARIANT | low)
