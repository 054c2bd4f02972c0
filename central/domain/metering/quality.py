"""What a validated interval is worth: one byte each, kept for ever."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class IntervalQuality(IntEnum):
    """How the value of a validated interval came about.

    The numbers are stored and hashed: append-only, never given another meaning.
    """

    ACTUAL = 0
    """Metered: the difference of two register readings, or the meter's own interval."""
    ESTIMATED_LINEAR = 1
    """A share of a register's advance over a gap."""
    ESTIMATED_LIKE_DAY = 2
    """The average of like days, scaled to the register where there is one."""
    ESTIMATED_PROFILE = 3
    """A class profile."""
    EDITED = 4
    """Put there by a person, with a reason."""
    ESTIMATED_BY_METER = 5
    """The device itself says that it estimated."""
    POWER_FAILURE = 6
    """Metered while the supply failed; no end point for an interpolation."""
    MISSING = 255
    """Null. Its value is `NULL`, which is never zero and never billed."""


NULL = -(2**63)
"""What stands in a block's values where the quality is MISSING: no consumption has this value."""

_IS_ESTIMATE = np.zeros(256, dtype=np.bool_)
_IS_ESTIMATE[
    [
        IntervalQuality.ESTIMATED_LINEAR,
        IntervalQuality.ESTIMATED_LIKE_DAY,
        IntervalQuality.ESTIMATED_PROFILE,
        IntervalQuality.ESTIMATED_BY_METER,
    ]
] = True


def is_estimate(quality: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which qualities are those of estimates."""
    return _IS_ESTIMATE[quality]


NEM12: dict[IntervalQuality, str] = {
    IntervalQuality.ACTUAL: "A",
    IntervalQuality.ESTIMATED_LINEAR: "S17",
    IntervalQuality.ESTIMATED_LIKE_DAY: "S15",
    IntervalQuality.ESTIMATED_PROFILE: "S18",
    IntervalQuality.EDITED: "S16",
    IntervalQuality.ESTIMATED_BY_METER: "S16",
    IntervalQuality.POWER_FAILURE: "A",
    IntervalQuality.MISSING: "N",
}
"""Quality flag and method of NEM12; several of ours fall into one, so that detail is lost."""

ESPI: dict[IntervalQuality, int | None] = {
    IntervalQuality.ACTUAL: 0,
    IntervalQuality.ESTIMATED_LINEAR: 9,
    IntervalQuality.ESTIMATED_LIKE_DAY: 8,
    IntervalQuality.ESTIMATED_PROFILE: 8,
    IntervalQuality.EDITED: 7,
    IntervalQuality.ESTIMATED_BY_METER: 8,
    IntervalQuality.POWER_FAILURE: 0,
    IntervalQuality.MISSING: None,
}
"""QualityOfReading of ESPI (Green Button); None is left out of the file, never zero."""
