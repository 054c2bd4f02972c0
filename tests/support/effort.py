"""What a run of the tests costs: seconds and processor seconds by folder, and their sum."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Generator, Iterable
from dataclasses import dataclass

import pytest

CPU = "cpu_s"
"""The attribute of a report that says what the test's own process and its children used."""

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
        self._before = 0.0

    def pytest_runtest_logstart(self) -> None:
        """A test begins."""
        self._before = used_s()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """One of its phases is over."""
        report = yield
        now = used_s()
        setattr(report, CPU, now - self._before)
        self._before = now
        return report


def used_s() -> float:
    """Processor seconds of this process, and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def folder_of(nodeid: str) -> str:
    """The folder of a test: `unit`, or `integration/demo`."""
    parts = nodeid.partition("::")[0].removeprefix("tests/").split("/")[:-1]
    return "/".join(parts[: 2 if parts[:1] and parts[0] in SHOWN_BY_ROOM else 1])


def by_folder(reports: Iterable[pytest.TestReport]) -> dict[str, Effort]:
    """What each folder cost, the dearest first."""
    found: dict[str, Effort] = defaultdict(Effort)
    for report in reports:
        found[folder_of(report.nodeid)].add(report)
    return dict(sorted(found.items(), key=lambda item: -item[1].cpu_s))


def table(efforts: dict[str, Effort]) -> list[str]:
    """Lines for people."""
    lines = [f"{'folder':<30}{'tests':>7}{'seconds':>10}{'CPU s':>10}"]
    lines += [
        f"{folder:<30}{effort.tests:>7}{effort.seconds:>10.1f}{effort.cpu_s:>10.1f}"
        for folder, effort in efforts.items()
    ]
    return lines
