"""Addresses that a person wrote."""

from __future__ import annotations

from urllib.parse import SplitResult


def has_usable_port(parts: SplitResult) -> bool:
    """Whether the port is a number that a port may have, or is left to the scheme."""
    try:
        return parts.port != 0
    except ValueError:
        return False
