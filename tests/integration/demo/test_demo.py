"""The demo as a user starts it: another process, its output, its exit code, and what it leaves.

That it bills last month is tried with the wheel, in `integration/packaging`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from central.domain.billing.cycle import Cycle
from tests.support.processes import gone_within, running_in
from tests.support.servers import fresh_folder

REPOSITORY = Path(__file__).parents[3]
ZONE = "Europe/Madrid"
COMMAND = [sys.executable, "-m", "central.cli", "demo"]
WIDE = {**os.environ, "COLUMNS": "140", "PYTHONUNBUFFERED": "1"}


def run(*arguments: str, off: timedelta | None = None) -> subprocess.CompletedProcess[str]:
    """Run the demo to its end, with a clock that is off where one is given."""
    command = COMMAND
    if off is not None:
        seconds = str(off.total_seconds())
        command = [sys.executable, "-m", "tests.support.turned_demo", seconds, "demo"]
    return subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=WIDE,
        cwd=REPOSITORY,
        check=False,
    )


@contextmanager
def open_demo(home: Path) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A demo with its dashboard open, the dashboard's address, and what it said until then."""
    with subprocess.Popen(
        [*COMMAND, "--home", str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=WIDE,
        cwd=REPOSITORY,
    ) as demo:
        try:
            assert demo.stdout is not None
            heard = ""
            for line in demo.stdout:
                heard += line
                if found := re.search(r"Dashboard: (http://\S+)", line):
                    yield demo, found[1], heard
                    break
            else:
                pytest.fail(f"no dashboard: {heard}")
        finally:
            demo.kill()


def jobs_done(address: str) -> dict[str, str]:
    """How the demo's jobs stand, once none waits any more."""
    deadline = time.monotonic() + 60
    while True:
        with urllib.request.urlopen(f"{address}/api/v1/schedules") as answer:  # noqa: S310 - our own address
            states = {job["name"]: job["state"] for job in json.load(answer)["items"]}
        if time.monotonic() > deadline or not {"waiting", "running"} & set(states.values()):
            assert len(states) >= 6
            return states
        time.sleep(0.2)


def local_today() -> date:
    return datetime.now(ZoneInfo(ZONE)).date()


def last_cycle() -> Cycle:
    today = datetime.now(ZoneInfo(ZONE))
    return Cycle(today.year, today.month).previous


def timed_csv(path: Path, first: datetime, hours: int) -> Decimal:
    """An hourly load with times; what it sums to in its whole March. [kWh]"""
    march = Cycle(first.year, 3).interval(ZONE)
    rows, total = ["start,kWh"], Decimal(0)
    for hour in range(hours):
        start = first + timedelta(hours=hour)
        kwh = Decimal(100 + hour % 24) / 1000
        rows.append(f"{start.isoformat()},{kwh}")
        if start in march:
            total += kwh
    path.write_text("\n".join(rows))
    return total


@pytest.fixture(scope="module")
def played() -> Iterator[Path]:
    """The folder of a demo that was played on the last day of last month."""
    with fresh_folder() as home:
        done = run("--once", "--home", str(home), off=-timedelta(days=local_today().day))
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"Bills of {last_cycle().previous}" in done.stdout
        assert re.search(r"A late reading .*11 readings of", done.stdout)
        assert re.search(r"Correct .*A-1003: \+\d\.\d\d EUR, on its next bill", done.stdout)
        assert re.search(r"Energy night .* -\d\.\d\d", done.stdout)
        yield home


@pytest.fixture(scope="module")
def caught_up(played: Path) -> tuple[Path, list[str]]:
    """The same folder, played again yesterday and today; what it said then."""
    before = local_today()
    said = []
    for off in (timedelta(days=-1), None):
        done = run("--once", "--home", str(played), off=off)
        assert done.returncode == 0, done.stdout + done.stderr
        said.append(done.stdout)
    if local_today() != before:
        pytest.skip("midnight passed between the two")
    return played, said


@pytest.fixture
def played_home(caught_up: tuple[Path, list[str]], server_home: Path) -> Path:
    """A copy of it, with its owners."""
    subprocess.run(["cp", "-a", f"{caught_up[0]}/.", str(server_home)], check=True)
    return server_home


def test_started_again_it_bills_the_month_and_closes_the_days_between_and_says_so(
    caught_up: tuple[Path, list[str]],
) -> None:
    home, said = caught_up
    yesterday = local_today() - timedelta(days=1)
    billed = said[0] + said[1]
    assert f"Bills of {last_cycle()}" in billed
    assert re.search(r"carries: Adjustment of INV-000003: Energy night.*, -\d\.\d\d", billed)
    assert "A late reading" not in billed
    assert re.search(rf"Validate .*closed {yesterday}; 3 day blocks, 0 findings", said[1])
    for cycle in (last_cycle().previous, last_cycle()):
        assert len(list((home / "invoices" / str(cycle)).glob("*.pdf"))) == 3
    assert not running_in(home)


def test_anew_forgets_what_was_played_and_bills_an_own_load_in_its_last_whole_month(
    played_home: Path, tmp_path: Path
) -> None:
    assert (played_home / "invoices" / str(last_cycle().previous)).is_dir()
    year = datetime.now(UTC).year - 1
    load = tmp_path / "load.csv"
    kwh = timed_csv(load, datetime(year, 2, 10, tzinfo=UTC), 24 * 60)
    done = run("--once", "--anew", "--home", str(played_home), "--intervals", str(load))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Bills of {year}-03" in done.stdout
    assert [folder.name for folder in (played_home / "invoices").iterdir()] == [f"{year}-03"]
    # A register shows whole Wh, rounded down at both ends of the month.
    billed = re.search(r"A-1001 .*?([\d,]+\.\d{3})", done.stdout)
    assert billed is not None
    assert abs(Decimal(billed[1].replace(",", "")) - kwh) <= Decimal("0.001")


def test_load_without_a_whole_month_is_refused_with_a_remedy(
    server_home: Path, tmp_path: Path
) -> None:
    load = tmp_path / "load.csv"
    timed_csv(load, datetime(2025, 3, 3, tzinfo=UTC), 100)
    done = run("--once", "--home", str(server_home), "--intervals", str(load))
    assert done.returncode == 2
    assert "LOAD_COVERAGE" in done.stderr
    assert "Bring at least one whole calendar month." in done.stderr
    assert "Traceback" not in done.stderr


def test_foreign_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    done = run("--once", "--home", str(tmp_path))
    assert done.returncode == 2
    assert "DEMO_FOLDER" in done.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_ctrl_c_closes_the_dashboard_and_leaves_nothing(played_home: Path) -> None:
    before = local_today()
    with open_demo(played_home) as (demo, address, said):
        if local_today() == before:
            assert "no day is over since the last time; 0 day blocks" in said
        assert "A late reading" not in said
        with urllib.request.urlopen(f"{address}/runs") as page:  # noqa: S310 - our own address
            text = page.read().decode()
        assert str(last_cycle()) in text
        assert "EUR" in text
        assert running_in(played_home)
        assert all(state == "done" for state in jobs_done(address).values())
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=60) == 0
    assert gone_within(played_home, 60)


def test_kill_of_the_demo_leaves_no_server(played_home: Path) -> None:
    with open_demo(played_home) as (demo, _, _):
        demo.send_signal(signal.SIGKILL)
        demo.wait(timeout=60)
    assert gone_within(played_home, 60)


def test_ctrl_c_in_the_middle_leaves_nothing(server_home: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "--home", str(server_home)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=WIDE,
        cwd=REPOSITORY,
    ) as demo:
        deadline = time.monotonic() + 120
        while not (server_home / "gateway" / "buffer.db").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=60) == 130
    assert gone_within(server_home, 60)
