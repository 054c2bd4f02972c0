"""How often a long test repeats: less in `make test`, more in `make soak`, or as told."""

from __future__ import annotations

import os

SOAK = "METERLINE_SOAK"


def sized(variable: str, test: int, soak: int) -> int:
    """Return a count.

    Args:
        variable: Environment variable that sets it for one run.
        test: In `make test`.
        soak: In `make soak`.
    """
    named = os.environ.get(variable)
    if named is not None:
        return int(named)
    return soak if os.environ.get(SOAK) else test
