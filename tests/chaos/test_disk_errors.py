"""Writes and fsyncs fail at random under the buffer: what it accepted is there, once.

The errors come in place of the system calls, as a dying card gives them. METERLINE_DISK_ERRORS sets
how many cycles are tried, METERLINE_DISK_ERROR_SEED when errors come.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edge_agent.buffer.buffer import Buffer
from tests.support.power_cut.contents import BUFFER, GATEWAY, T0, cycle, readings
from tests.support.power_cut.ptrace import TracingRefusedError, can_refuse
from tests.support.power_cut.recorder import Recorder
from tests.support.power_cut.trace import Mark, Operation, Resize, Sync, SyncFolder, Write
from tests.support.size import sized

CYCLES = sized("METERLINE_DISK_ERRORS", 250, 5_000)
SEED = int(os.environ.get("METERLINE_DISK_ERROR_SEED", "20261125"))
SPELL = 60


@dataclass
class BadDisk:
    """Works for a while, then fails for a while; one call now and then, or nearly every one."""

    random: Random
    errors: Counter[str] = field(default_factory=Counter)
    opened: bool = False
    _left: int = SPELL
    _chance: float = 0.0

    def refuse(self, operation: Operation) -> int | None:
        if not self.opened or not isinstance(operation, Write | Resize | Sync | SyncFolder):
            return None
        self._left -= 1
        if self._left < 0:
            self._left = self.random.randrange(1, 2 * SPELL)
            self._chance = 0.0 if self._chance else self.random.choice((0.02, 0.3, 0.9))
        if self.random.random() >= self._chance:
            return None
        is_sync = isinstance(operation, Sync | SyncFolder)
        number = errno.EIO if is_sync else self.random.choice((errno.EIO, errno.ENOSPC))
        self.errors[f"{errno.errorcode[number]} of {type(operation).__name__.lower()}"] += 1
        return number


class Watched(Recorder):
    """Lets nothing fail before the buffer is open."""

    def __init__(self, folder: Path, disk: BadDisk) -> None:
        super().__init__(folder, disk.refuse)
        self.disk = disk

    def _on_mark(self, mark: Mark) -> None:
        self.disk.opened = self.disk.opened or "opened" in mark.said


def marks(trace: list[Operation], name: str) -> list[Any]:
    return [done.said[name] for done in trace if isinstance(done, Mark) and name in done.said]


async def test_errors_of_the_disk_lose_nothing_accepted_and_alarm_once_each_time(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    if not can_refuse():
        pytest.skip("making calls fail is written for x86-64 alone")
    disk = BadDisk(Random(SEED))  # noqa: S311 - repeatable
    folder = tmp_path / "gateway"
    folder.mkdir()
    recorder = Watched(folder, disk)
    try:
        recorder.record(
            "tests.support.power_cut.troubled", [str(folder), str(CYCLES)], tmp_path / "log"
        )
    except TracingRefusedError as error:
        pytest.skip(f"{error}: no call can be made to fail")
    accepted, refused = marks(recorder.trace, "accepted"), marks(recorder.trace, "refused")
    alarms = marks(recorder.trace, "alarmed")
    (events,) = marks(recorder.trace, "events")
    buffer = await Buffer.open(folder / BUFFER, GATEWAY, T0)
    found = await readings(buffer)
    counts = await buffer.counts()
    await buffer.close()
    record_property("seed", SEED)
    record_property("errors", dict(disk.errors))
    record_property("cycles accepted", len(accepted))
    record_property("cycles refused", len(refused))
    # Each accepted cycle is one batch; acknowledged ones may go where there is no room.
    released = max(marks(recorder.trace, "acknowledged"), default=0)
    promised = {value for number in accepted[released:] for value in values_of(number)}
    ever = {value for number in accepted for value in values_of(number)}
    # The last one refused may have come whole to the disk before the end.
    unsure = set(values_of(refused[-1])) if refused and refused[-1] == CYCLES else set()
    record_property("readings lost", len(promised - found.keys()))
    assert refused, "no error came through: it proves nothing"
    assert promised <= found.keys()
    assert found.keys() - ever in (set(), unsure)
    assert max(found.values()) == 1
    assert counts.reconcile
    assert not [name for name in os.listdir(folder) if "damaged" in name]  # noqa: PTH208 - no Path in async code
    # One alarm when it begins to fail, and one end of it; not one for each cycle.
    for begins, ends in (("disk_failing", "disk_works"), ("disk_short", "disk_relieved")):
        told = [code for code in events if code in {begins, ends}]
        assert told == ([begins, ends] * len(told))[: len(told)], told
    assert any(alarms)


def values_of(number: int) -> list[int]:
    return [reading.mantissa for reading in cycle(number, 60 if number % 7 == 0 else 2).readings]
