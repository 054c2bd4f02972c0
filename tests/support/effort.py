"""What a run of the tests costs: seconds and processor seconds by folder, and their sum.

A server that lives for a whole session is paid by the tests that use it: what is counted for a test
includes what its process's living descendants used meanwhile, and not only those that ended.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass

import pytest

from tests.support.size import SOAK

CPU = "cpu_s"
"""The attribute of a report that says what the test's own process and its children used."""

BUDGET_MIN = 14
"""CPU minutes that the tests of `make test` may take together."""

QUICK_S = 0.02
"""A test that takes less is not asked what its servers did."""

TICKS_PER_S = os.sysconf("SC_CLK_TCK")

DEAREST = 20
"""So many files are shown by name."""

# So many kinds of tests in one folder that their rooms are shown apart.
SHOWN_BY_ROOM = {"integration"}


@dataclass
class Effort:
    """Of the tests of a folder."""

    tests: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0

    def add(self, report: pytest.TestReport) -> None:
        """Count one phase of a test."""
        self.tests += report.when == "call"
        self.seconds += report.duration
        self.cpu_s += getattr(report, CPU, 0.0)


class Stopwatch:
    """A plugin that gives each report what was used for it."""

    def __init__(self) -> None:
        self._own_s = 0.0
        self._others_s = 0.0
        self._began = 0.0

    def pytest_runtest_logstart(self) -> None:
        """A test begins."""
        self._own_s = own_s()
        self._began = time.monotonic()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """One of its phases is over."""
        report = yield
        itself_s = own_s()
        used = itself_s - self._own_s
        self._own_s = itself_s
        # Asking costs a millisecond. What a quick test leaves is found after the next slow one.
        if report.when == "teardown" and time.monotonic() - self._began > QUICK_S:
            others = descendants_s()
            used += others - self._others_s
            self._others_s = others
        setattr(report, CPU, used)
        return report


def used_s() -> float:
    """Processor seconds of this process and of all its descendants, whether they ended or live."""
    return own_s() + descendants_s()


def own_s() -> float:
    """Those of this process, and of the descendants that ended and were waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def descendants_s() -> float:
    """Those of the living descendants, and of those of theirs that ended."""
    return sum(_used_s(pid) for pid in _descendants(os.getpid()))


def by_program() -> dict[str, float]:
    """Those of the living descendants by name of their program. [s]."""
    used: dict[str, float] = defaultdict(float)
    for pid in _descendants(os.getpid()):
        try:
            name = _read(f"/proc/{pid}/comm").decode().strip()
            words = _read(f"/proc/{pid}/cmdline").split(b"\0")
        except OSError:
            continue
        # Of an interpreter, the module that it runs.
        if b"-m" in words:
            name = words[words.index(b"-m") + 1].decode()
        used[name] += _used_s(pid)
    return used


def _descendants(pid: int) -> Iterator[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - a third of what Path costs
        listed = [_read(f"/proc/{pid}/task/{thread}/children") for thread in threads]
    except OSError:
        return
    for child in (int(name) for line in listed for name in line.split()):
        yield child
        yield from _descendants(child)


def _used_s(pid: int) -> float:
    """What a process used, with its children that have ended; nothing if it has gone meanwhile."""
    try:
        text = _read(f"/proc/{pid}/stat")
    except OSError:
        return 0.0
    # After the name in brackets: user, system, and the same of its children that were waited for.
    ticks = text.rpartition(b")")[2].split()[11:15]
    return sum(map(int, ticks)) / TICKS_PER_S


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a third of what Path costs
        return file.readall()


def folder_of(nodeid: str) -> str:
    """The folder of a test: `unit`, or `integration/demo`."""
    parts = nodeid.partition("::")[0].removeprefix("tests/").split("/")[:-1]
    return "/".join(parts[: 2 if parts[:1] and parts[0] in SHOWN_BY_ROOM else 1])


def file_of(nodeid: str) -> str:
    """The file of a test, below `tests`."""
    return nodeid.partition("::")[0].removeprefix("tests/")


def by_group(
    reports: Iterable[pytest.TestReport], group_of: Callable[[str], str]
) -> dict[str, Effort]:
    """What each group of tests cost, the dearest first.

    Args:
        reports: Of phases of tests.
        group_of: The group of a test, given its node.
    """
    found: dict[str, Effort] = defaultdict(Effort)
    for report in reports:
        found[group_of(report.nodeid)].add(report)
    return dict(sorted(found.items(), key=lambda item: -item[1].cpu_s))


def table(efforts: dict[str, Effort], heading: str, most: int | None = None) -> list[str]:
    """Lines for people, of the dearest groups where there are many."""
    lines = [f"{heading:<64}{'tests':>7}{'seconds':>10}{'CPU s':>10}"]
    lines += [
        f"{group:<64}{effort.tests:>7}{effort.seconds:>10.1f}{effort.cpu_s:>10.1f}"
        for group, effort in list(efforts.items())[:most]
    ]
    return lines


def verdict(cpu_s: float, elapsed_s: float) -> tuple[str, bool]:
    """What the run cost in all, in words, and whether that is more than it may.

    A run that is too dear is told and does not fail: what fails by time fails by luck. `make soak`
    has no budget.
    """
    spent = f"{cpu_s / 60:.1f} CPU minutes in {elapsed_s / 60:.1f} minutes"
    if os.environ.get(SOAK):
        return spent, False
    over_min = cpu_s / 60 - BUDGET_MIN
    if over_min > 0:
        return f"{spent}: {over_min:.1f} over the budget of {BUDGET_MIN} CPU minutes", True
    return f"{spent}; the budget is {BUDGET_MIN} CPU minutes", False
