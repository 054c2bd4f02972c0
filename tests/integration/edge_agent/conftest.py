"""What the tests of the agent share."""

from __future__ import annotations

from tests.support.virtual_meter import (
    GATEWAY,
    PROFILE,
    VirtualMeters,
    as_toml,
    health_of,
    virtual_meter,
    virtual_meters,
)

__all__ = [
    "GATEWAY",
    "PROFILE",
    "VirtualMeters",
    "as_toml",
    "health_of",
    "virtual_meter",
    "virtual_meters",
]
