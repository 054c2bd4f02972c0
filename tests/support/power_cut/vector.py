"""The trace that is kept in the repository."""

from __future__ import annotations

from tests.support.data import REPOSITORY
from tests.support.power_cut.trace import Trace, unpack

VECTOR = REPOSITORY / "tests" / "vectors" / "power-cut.zst"


def kept() -> Trace:
    """A buffer at work, as it was recorded once."""
    return unpack(VECTOR.read_bytes())
