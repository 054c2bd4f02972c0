"""Which lines and branches of the product the quick kinds of tests reach, and the floor under it.

Importing this module begins the measurement where METERLINE_COVERAGE is set, as `make floors`
does; it has to come before what is measured. Then only what is MEASURED is collected: their
tests call what they test, in their own process, while others reach by luck. `make test` does not
measure, since that more than doubles what a test costs.

The floors are in pyproject.toml. They are raised when more is reached, and never lowered.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

from tests.support.data import REPOSITORY

WANTED = "METERLINE_COVERAGE"
# Tests of use-cases on a real store that begin no process.
IN_PROCESS = (
    "alerts",
    "consumption",
    "exception_faces",
    "invoice_delivery",
    "invoicing_api",
    "ledger_faces",
    "move_faces",
    "notice_faces",
    "notices",
    "paid_ahead",
    "people",
    "pilot_faces",
    "provider_sign_in",
    "schedule_faces",
    "shadow_faces",
    "tariff_pages",
    "unbilled",
    "usage_faces",
)
FOLDERS = (
    "tests/unit/",
    "tests/contract/",
    "tests/property/edge_agent/",
    "tests/property/firmware_bridge/",
)
MEASURED = (*FOLDERS, *(f"tests/integration/central/test_{name}.py" for name in IN_PROCESS))
DATA = REPOSITORY / ".pytest_cache" / "coverage"
SOURCE = ("firmware_bridge", "edge_agent", "central")
# What nobody runs: what only type checkers read, and bodies that stand for others.
EXCLUDED = (
    r"if TYPE_CHECKING:",
    r"if __name__ == ",
    r"@(abc\.)?abstractmethod",
    r"@overload",
    r"^\s*(\.\.\.|pass)$",
    r"raise NotImplementedError",
)
SLACK = 0.5
"""Percent that a floor may lie below what is reached before a run says so."""


def measurement() -> coverage.Coverage:
    """One that is written to a file of this process's own."""
    found = coverage.Coverage(
        data_file=str(DATA / "data"),
        data_suffix=True,
        branch=True,
        config_file=False,
        source=[str(REPOSITORY / folder) for folder in SOURCE],
    )
    found.set_option("run:disable_warnings", ["module-not-measured", "no-data-collected"])
    found.set_option("report:exclude_lines", list(EXCLUDED))
    return found


def is_measured(file: Path) -> bool:
    """Whether a test file lies in one of the measured folders."""
    return file.relative_to(REPOSITORY).as_posix().startswith(MEASURED)


class Meter:
    """A plugin that measures while tests run."""

    def __init__(self) -> None:
        self._coverage = measurement()
        self._coverage.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Keep what was measured, for the process that adds it all up."""
        self._coverage.stop()
        self._coverage.save()


def begin() -> Meter | None:
    """Measure from here on, where that is wanted."""
    if not os.environ.get(WANTED):
        return None
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir(parents=True, exist_ok=True)
    return Meter()


METER = begin()


@dataclass
class Reach:
    """What was reached of a package."""

    lines: int = 0
    lines_reached: int = 0
    branches: int = 0
    branches_reached: int = 0

    def add(self, summary: Mapping[str, int]) -> None:
        """Count a file."""
        self.lines += summary["num_statements"]
        self.lines_reached += summary["covered_lines"]
        self.branches += summary["num_branches"]
        self.branches_reached += summary["covered_branches"]

    @property
    def of_lines(self) -> float:
        """Percent of the lines."""
        return 100 * self.lines_reached / self.lines if self.lines else 100.0

    @property
    def of_branches(self) -> float:
        """Percent of the ways that a line may be left."""
        return 100 * self.branches_reached / self.branches if self.branches else 100.0

    @property
    def percent(self) -> float:
        """Percent of both together, which is what the floors are about."""
        total = self.lines + self.branches
        return 100 * (self.lines_reached + self.branches_reached) / total if total else 100.0


def floors() -> dict[str, float]:
    """By package, from pyproject.toml."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(project["tool"]["meterline"]["coverage"])


def package_of(file: str, packages: Iterator[str] | list[str]) -> str:
    """The longest of the packages that a file is in; the first part of its path if none is."""
    holding = [name for name in packages if file.startswith(f"{name}/")]
    return max(holding, key=len, default=file.partition("/")[0])


def by_package(files: Mapping[str, Mapping[str, int]], packages: list[str]) -> dict[str, Reach]:
    """Add up files."""
    found: dict[str, Reach] = defaultdict(Reach)
    for file, summary in files.items():
        found[package_of(file, packages)].add(summary)
    return dict(sorted(found.items()))


def summed() -> dict[str, Reach]:
    """What all processes of a run reached together; their files are gone afterwards."""
    whole = measurement()
    whole.combine([str(DATA)])
    report = DATA / "report.json"
    whole.json_report(outfile=str(report))
    files = json.loads(report.read_text(encoding="utf-8"))["files"]
    shutil.rmtree(DATA)
    summaries = {relative(name): facts["summary"] for name, facts in files.items()}
    return by_package(summaries, list(floors()))


def relative(name: str) -> str:
    """A file's path in the repository."""
    path = Path(name)
    return str(path.relative_to(REPOSITORY)) if path.is_absolute() else name


def table(reached: Mapping[str, Reach]) -> list[str]:
    """Lines for people."""
    limits = floors()
    lines = [f"{'package':<32}{'lines':>8}{'branches':>10}{'both':>8}{'floor':>8}"]
    lines += [
        f"{name:<32}{reach.of_lines:>7.1f}%{reach.of_branches:>9.1f}%{reach.percent:>7.1f}%"
        f"{limits.get(name, 0.0):>7.1f}%"
        for name, reach in reached.items()
    ]
    return lines


def below(reached: Mapping[str, Reach], limits: Mapping[str, float]) -> list[str]:
    """What fell below its floor, or has none; a package that is gone has to go from the list."""
    wrong = [
        f"{name}: {reached[name].percent:.2f} % is below its floor of {limit:g} %"
        for name, limit in limits.items()
        if name in reached and reached[name].percent < limit
    ]
    wrong += [f"{name} has no floor" for name in reached if name not in limits]
    return wrong + [f"{name} has a floor and no files" for name in limits if name not in reached]


def raisable(reached: Mapping[str, Reach], limits: Mapping[str, float]) -> list[str]:
    """Which floors lie so far below that they should be raised."""
    return [
        f'"{name}" = {math.floor(10 * reached[name].percent) / 10}'
        for name, limit in limits.items()
        if name in reached and reached[name].percent >= limit + SLACK
    ]
