"""Record the buffer at work into tests/vectors: `python -m tests.support.power_cut.keep`."""

from __future__ import annotations

from tests.support.power_cut.recorder import recorded
from tests.support.power_cut.trace import pack
from tests.support.power_cut.vector import VECTOR

if __name__ == "__main__":
    VECTOR.write_bytes(pack(recorded()))
