"""Run the agent's command line with a clock that a file sets: `python -m ... FILE ARGUMENTS`.

The file holds `[seconds that the wall clock is off, whether the kernel vouches for it, boot,
seconds of the machine's boot at which that boot began]`.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import edge_agent.main
from edge_agent.cli import main
from edge_agent.clock import ClockSource, SystemClock
from firmware_bridge.contract.reading import TimeQuality


class FalseClock(SystemClock):
    """The machine's clock as the file makes it."""

    file: Path

    def __init__(self, source: ClockSource, *, was_synchronised: bool = False) -> None:
        super().__init__(source, was_synchronised=was_synchronised)
        self.boot = self._read_clock()[2]

    def wall(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._read_clock()[0])

    def monotonic(self) -> float:
        return super().monotonic() - self._read_clock()[3]

    def quality(self) -> TimeQuality:
        vouched = self._read_clock()[1]
        return TimeQuality.SYNCHRONISED if vouched else TimeQuality.UNSYNCHRONISED

    def _read_clock(self) -> tuple[float, bool, str, float]:
        off_s, vouched, boot, began_s = json.loads(self.file.read_text())
        return float(off_s), bool(vouched), str(boot), float(began_s)


if __name__ == "__main__":
    FalseClock.file = Path(sys.argv.pop(1))
    edge_agent.main.SystemClock = FalseClock  # type: ignore[attr-defined]
    main()
