"""What the tests of the agent share."""

from __future__ import annotations

from tests.support.plant import (
    GATEWAY,
    PROFILE,
    Plant,
    as_toml,
    health_of,
    plant,
    virtual_meter,
)

__all__ = ["GATEWAY", "PROFILE", "Plant", "as_toml", "health_of", "plant", "virtual_meter"]
