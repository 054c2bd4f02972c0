"""What is said at the end of a run: what was reached of the product, and what the run cost."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import pytest

from tests.support import effort, measured


class RunReport:
    """A plugin of the process that a person started."""

    def __init__(self) -> None:
        self._reached: Mapping[str, measured.Reach] = {}
        self._wrong: list[str] = []
        self._began = time.monotonic()

    # By then the processes that run tests have ended, and written what they measured.
    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let a run fail that reached too little; a part of the tests may."""
        if measured.METER is None or not session.testscollected:
            return
        self._reached = measured.summed()
        if is_whole(session.config) and session.exitstatus == pytest.ExitCode.OK:
            self._wrong = measured.below(self._reached, measured.floors())
            if self._wrong:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print it all."""
        say = terminalreporter.line
        reports = [
            report
            for group in terminalreporter.stats.values()
            for report in group
            if isinstance(report, pytest.TestReport)
        ]
        if self._reached:
            reached_by = " ".join(measured.FOLDERS)
            more = f"{len(measured.IN_PROCESS)} files of tests/integration/central"
            terminalreporter.section(f"reached by {reached_by} and {more}")
            for line in measured.table(self._reached):
                say(line)
            for line in self._wrong:
                say(line, red=True)
            higher = measured.raisable(self._reached, measured.floors())
            if higher and is_whole(terminalreporter.config):
                say("floors in pyproject.toml that may be raised: " + ", ".join(higher))
        terminalreporter.section("effort")
        for line in effort.table(effort.by_group(reports, effort.folder_of), "folder"):
            say(line)
        files = effort.by_group(reports, effort.file_of)
        if len(files) > 1:
            for line in effort.table(files, "dearest files", effort.DEAREST):
                say(line)
        spent, over = effort.verdict(effort.used_s(), time.monotonic() - self._began)
        say(spent, red=over)


def is_whole(config: pytest.Config) -> bool:
    """Whether nothing was left out of a run that could have been in it."""
    options = config.option
    chosen = (options.keyword, options.markexpr, options.deselect, options.lf, options.maxfail)
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any(chosen)


def plugins() -> list[object]:
    """What this process needs of it all."""
    wanted: list[object] = [effort.Stopwatch()]
    if measured.METER is not None:
        wanted.append(measured.METER)
    if "PYTEST_XDIST_WORKER" not in os.environ:
        wanted.append(RunReport())
    return wanted
