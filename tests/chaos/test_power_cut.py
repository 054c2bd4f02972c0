"""The power goes at every point of a recorded life of the buffer: nothing committed is lost.

The recording is of this machine's own buffer, SQLite and file calls. METERLINE_POWER_CUTS sets how
many states are tried, METERLINE_POWER_CUT_SEED which, METERLINE_POWER_CUT_STATE a single one.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from tests.support.power_cut.disk import Disk, Manner, lay_out
from tests.support.power_cut.ptrace import TracingRefusedError
from tests.support.power_cut.recorder import recorded
from tests.support.power_cut.trace import Create, Mark, Sync, SyncFolder, Trace, Write
from tests.support.power_cut.vector import kept
from tests.support.power_cut.verdict import expectations, judge
from tests.support.size import sized

STATES = sized("METERLINE_POWER_CUTS", 200, 20_000)
SEED = int(os.environ.get("METERLINE_POWER_CUT_SEED", "20261123"))
ONE = os.environ.get("METERLINE_POWER_CUT_STATE")
# Each process that has a part records anew.
PARTS = max(1, min(4, STATES // 500))
KEPT_STATES = 40
SPOILT_STATES = 60
MANNERS = list(Manner)

Count = Callable[[str, object], None]


@dataclass(frozen=True, slots=True)
class Cut:
    """One state of the disk: after how many operations, and how the rest of them fared."""

    number: int
    after: int

    @property
    def manner(self) -> Manner:
        return MANNERS[self.number % len(MANNERS)]

    def random(self) -> Random:
        return Random(f"{SEED}/{self.number}")  # noqa: S311 - repeatable

    def __str__(self) -> str:
        return f"state {self.number} ({self.manner}, after operation {self.after})"


def cuts(trace: Trace, states: int) -> list[Cut]:
    """As many at each operation as at any other, or one more."""
    points = [at for at, done in enumerate(trace, start=1) if not isinstance(done, Mark)]
    return [Cut(number, points[number * len(points) // states]) for number in range(states)]


@pytest.fixture
def memory() -> Iterator[Path]:
    shared = Path("/dev/shm")  # noqa: S108 - a fresh folder within; what fsync costs has no part
    with TemporaryDirectory(prefix="meterline-cut-", dir=shared if shared.is_dir() else None) as at:
        yield Path(at)


@cache
def trace_or_kept() -> tuple[Trace, str]:
    """Recorded here and now, or the one in the repository where tracing is not allowed."""
    try:
        return recorded(), "recorded"
    except TracingRefusedError:
        return kept(), "kept"


def replay(
    trace: Trace, chosen: Iterable[Cut], memory: Path, disk: Disk, failed: Path | None = None
) -> tuple[dict[Cut, str], Counter[str]]:
    """What is wrong after which cut, and how many there were in each chapter."""
    expected = expectations(trace)
    wrong: dict[Cut, str] = {}
    chapters: Counter[str] = Counter()
    done = 0
    with asyncio.Runner() as runner:
        for cut in chosen:
            while done < cut.after:
                disk.do(trace[done])
                done += 1
            folder = memory / str(cut.number)
            lay_out(disk.cut(cut.manner, cut.random()), folder)
            again = cut.number % 5 == 0
            found = runner.run(judge(folder, expected[cut.after], again=again))
            shutil.rmtree(folder)
            chapters[expected[cut.after].chapter] += 1
            if found is not None:
                wrong[cut] = f"{expected[cut.after].chapter}: {found}"
                if failed is not None and len(wrong) == 1:
                    lay_out(disk.cut(cut.manner, cut.random()), failed / folder.name)
    return wrong, chapters


def told(wrong: dict[Cut, str]) -> str:
    some = "\n".join(f"{cut}: {what}" for cut, what in list(wrong.items())[:10])
    return f"{len(wrong)} states are wrong, METERLINE_POWER_CUT_STATE=<n> repeats one:\n{some}"


@pytest.mark.parametrize("part", range(PARTS))
def test_no_power_cut_loses_doubles_or_changes_a_committed_reading(
    part: int, memory: Path, tmp_path: Path, record_property: Count
) -> None:
    trace, origin = trace_or_kept()
    chosen = cuts(trace, STATES)
    if ONE is not None:
        chosen = [chosen[int(ONE)]]
    mine = chosen[part::PARTS]
    wrong, chapters = replay(trace, mine, memory, Disk(), tmp_path)
    record_property("seed", SEED)
    record_property("trace", f"{origin}, {len({cut.after for cut in chosen})} crash points")
    record_property("states", len(mine))
    record_property("by chapter", dict(chapters))
    record_property("lost, doubled or changed", len(wrong))
    assert not wrong, told(wrong)


def test_the_cuts_meet_every_chapter_and_every_manner() -> None:
    trace, _ = trace_or_kept()
    expected = expectations(trace)
    chosen = cuts(trace, STATES)
    chapters = {expected[at].chapter for at in range(1, len(trace) + 1)}
    assert {expected[cut.after].chapter for cut in chosen} == chapters
    assert {cut.manner for cut in chosen} == set(MANNERS)


def test_the_kept_trace_still_shows_what_the_buffer_does(memory: Path) -> None:
    """Where nothing can be recorded it stands in: `python -m tests.support.power_cut.keep`."""
    trace = kept()
    wrong, _ = replay(trace, cuts(trace, KEPT_STATES), memory, Disk())
    assert not wrong, told(wrong)


def test_a_disk_that_lies_about_fsync_is_found_out(memory: Path, record_property: Count) -> None:
    trace, _ = trace_or_kept()
    wrong, _ = replay(trace, cuts(trace, SPOILT_STATES), memory, Disk(honest=False))
    record_property("states", SPOILT_STATES)
    record_property("losses found", len(wrong))
    assert len(wrong) > SPOILT_STATES // 4


def test_a_buffer_that_does_not_synchronise_is_found_out(
    memory: Path, record_property: Count
) -> None:
    try:
        trace = recorded("synchronous = OFF")
    except TracingRefusedError as error:
        pytest.skip(f"{error}: a spoilt buffer cannot be recorded")
    wrong, _ = replay(trace, cuts(trace, SPOILT_STATES), memory, Disk())
    record_property("states", SPOILT_STATES)
    record_property("losses found", len(wrong))
    assert len(wrong) > SPOILT_STATES // 10


def test_the_disk_keeps_what_was_synchronised_and_mixes_the_rest() -> None:
    disk = Disk()
    old, new = b"o" * 1024, b"n" * 1024
    disk.do(Create("a", 1))
    disk.do(Write(1, 0, old))
    assert {frozenset(disk.cut(m, Random(1))) for m in Manner} <= {frozenset(), frozenset("a")}  # noqa: S311
    disk.do(Sync(1))
    disk.do(SyncFolder())
    disk.do(Write(1, 0, new))
    found = {disk.cut(Manner.SECTORS, Random(n))["a"] for n in range(50)}  # noqa: S311
    assert found == {a * 512 + b * 512 for a in (b"o", b"n") for b in (b"o", b"n")}
    assert disk.cut(Manner.NONE, Random(1)) == {"a": old}  # noqa: S311
    assert disk.cut(Manner.ALL, Random(1)) == {"a": new}  # noqa: S311
