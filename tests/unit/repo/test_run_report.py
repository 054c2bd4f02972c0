"""What a run of the tests says about itself: by folder, by package, and against the floors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.data import REPOSITORY
from tests.support.effort import CPU, by_folder, folder_of
from tests.support.measured import Reach, below, by_package, floors, package_of, raisable

SUMMARY = {
    "num_statements": 8,
    "covered_lines": 6,
    "num_branches": 2,
    "covered_branches": 1,
}


def report(nodeid: str, when: str, seconds: float) -> pytest.TestReport:
    made = pytest.TestReport(
        nodeid,
        ("", 0, ""),
        {},
        "passed",
        None,
        when,  # type: ignore[arg-type]
        duration=seconds,
    )
    setattr(made, CPU, seconds / 2)
    return made


def test_a_folder_is_the_kind_of_test_and_a_room_of_the_integration_tests() -> None:
    assert folder_of("tests/unit/central/rating/test_x.py::test_y[tests/a/b]") == "unit"
    assert folder_of("tests/integration/demo/test_x.py::test_y") == "integration/demo"


def test_setting_up_counts_as_time_and_not_as_a_test() -> None:
    found = by_folder(
        [
            report("tests/unit/test_x.py::a", "setup", 1),
            report("tests/unit/test_x.py::a", "call", 2),
            report("tests/fuzz/test_y.py::b", "call", 8),
        ]
    )
    assert list(found) == ["fuzz", "unit"]
    assert (found["unit"].tests, found["unit"].seconds, found["unit"].cpu_s) == (1, 3, 1.5)


def test_a_file_belongs_to_the_innermost_package_that_has_a_floor() -> None:
    packages = ["central", "central/domain"]
    assert package_of("central/domain/rating/line.py", packages) == "central/domain"
    assert package_of("central/domains.py", packages) == "central"
    assert package_of("edge_agent/cli.py", packages) == "edge_agent"


def test_lines_and_branches_are_added_up_over_files() -> None:
    (reach,) = by_package({"a/b.py": SUMMARY, "a/c.py": SUMMARY}, ["a"]).values()
    assert (reach.of_lines, reach.of_branches, reach.percent) == (75.0, 50.0, 70.0)


def test_a_package_below_its_floor_or_without_one_fails() -> None:
    reached = {"a": Reach(100, 80), "b": Reach(100, 90)}
    assert below(reached, {"a": 80, "b": 90}) == []
    assert below(reached, {"a": 80.1, "c": 1}) == [
        "a: 80.00 % is below its floor of 80.1 %",
        "b has no floor",
        "c has a floor and no files",
    ]


def test_a_floor_far_below_is_named() -> None:
    assert raisable({"a": Reach(100, 80), "b": Reach(100, 90)}, {"a": 79.8, "b": 70}) == [
        '"b" = 90.0'
    ]


@pytest.mark.parametrize("package", floors())
def test_a_floor_stands_under_a_package_that_exists(package: str) -> None:
    assert Path(REPOSITORY, package, "__init__.py").exists()
