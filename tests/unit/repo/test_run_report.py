"""What a run of the tests says about itself: by folder, by package, and against the floors."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY
from tests.support.effort import (
    BUDGET_MIN,
    CPU,
    by_group,
    file_of,
    folder_of,
    table,
    used_s,
    verdict,
)
from tests.support.measured import (
    IN_PROCESS,
    Reach,
    below,
    by_package,
    floors,
    is_measured,
    package_of,
    raisable,
)
from tests.support.size import SOAK

SUMMARY = {
    "num_statements": 8,
    "covered_lines": 6,
    "num_branches": 2,
    "covered_branches": 1,
}


# Uses a fifth of a second, says so, and stays.
BURNER = """
import sys, time
while time.process_time() < 0.2: pass
print(flush=True)
sys.stdin.read()
"""


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
    found = by_group(
        [
            report("tests/unit/test_x.py::a", "setup", 1),
            report("tests/unit/test_x.py::a", "call", 2),
            report("tests/fuzz/test_y.py::b", "call", 8),
        ],
        folder_of,
    )
    assert list(found) == ["fuzz", "unit"]
    assert (found["unit"].tests, found["unit"].seconds, found["unit"].cpu_s) == (1, 3, 1.5)


def test_the_dearest_files_are_shown() -> None:
    found = by_group(
        [
            report("tests/unit/central/test_x.py::a", "call", 2),
            report("tests/fuzz/test_y.py::b[2]", "call", 8),
            report("tests/fuzz/test_y.py::b[3]", "call", 8),
            report("tests/fuzz/test_z.py::c", "call", 1),
        ],
        file_of,
    )
    assert [line.split() for line in table(found, "file", 2)] == [
        ["file", "tests", "seconds", "CPU", "s"],
        ["fuzz/test_y.py", "2", "16.0", "8.0"],
        ["unit/central/test_x.py", "1", "2.0", "1.0"],
    ]


def test_what_a_living_server_uses_is_counted_and_not_again_when_it_ends() -> None:
    before = used_s()
    # The shell between them makes it a grandchild, as a server under its watchdog is.
    command = ["sh", "-c", '"$0" "$@"; :', sys.executable, "-I", "-S", "-c", BURNER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        living = used_s() - before
    assert living > 0.15
    assert used_s() - before - living < 0.15


def test_a_run_over_its_budget_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SOAK, raising=False)
    dear = BUDGET_MIN * 60 + 90
    assert verdict(66, 120) == (
        "1.1 CPU minutes in 2.0 minutes; the budget is 14 CPU minutes",
        False,
    )
    assert verdict(dear, 600) == (
        "15.5 CPU minutes in 10.0 minutes: 1.5 over the budget of 14 CPU minutes",
        True,
    )
    monkeypatch.setenv(SOAK, "1")
    assert verdict(dear, 600) == ("15.5 CPU minutes in 10.0 minutes", False)


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


def test_tests_of_the_code_in_their_own_process_are_measured() -> None:
    tests = REPOSITORY / "tests"
    assert is_measured(tests / "unit" / "tools" / "test_x.py")
    assert is_measured(tests / "property" / "edge_agent" / "test_x.py")
    assert not is_measured(tests / "property" / "central" / "test_x.py")
    assert not is_measured(tests / "integration" / "central" / "test_process_start.py")


@pytest.mark.parametrize("name", IN_PROCESS)
def test_an_integration_test_that_is_measured_exists_and_begins_no_process(name: str) -> None:
    file = REPOSITORY / "tests" / "integration" / "central" / f"test_{name}.py"
    assert is_measured(file)
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"\b(Popen|create_subprocess_exec|subprocess\.run)\b", text)


@pytest.mark.parametrize("package", floors())
def test_a_floor_stands_under_a_package_that_exists(package: str) -> None:
    assert Path(REPOSITORY, package, "__init__.py").exists()
