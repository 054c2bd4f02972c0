"""`meterline-bridge` as a person runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from firmware_bridge.cli import app
from firmware_bridge.modbus.profiles import profile_names

COMMAND = [sys.executable, "-c", "from firmware_bridge.cli import main; main()"]
LOAD = "start,kWh\n2026-01-01T00:00:00Z,1.5\n2026-01-01T01:00:00Z,-0.25\n"


def run(*arguments: str) -> Result:
    """A command in this process; what is simulated, and one probe, have processes of their own."""
    ended = CliRunner().invoke(app, arguments)
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return ended


@contextmanager
def simulating(*arguments: str) -> Iterator[dict[str, Any]]:
    with subprocess.Popen(
        [*COMMAND, "simulate", "--json", *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()


@pytest.fixture
def load(tmp_path: Path) -> str:
    path = tmp_path / "load.csv"
    path.write_text(LOAD)
    return str(path)


def test_help_names_the_exit_codes() -> None:
    shown = run("--help")
    assert shown.exit_code == 0
    assert "4 nothing answered" in shown.stdout
    for command in ("simulate", "probe", "profiles"):
        assert run(command, "--help").exit_code == 0


def test_profiles_are_listed_one_a_line_with_what_they_are_taken_from() -> None:
    listed = [json.loads(line) for line in run("profiles", "list", "--json").stdout.splitlines()]
    assert [model["profile"] for model in listed] == list(profile_names())
    assert {model["evidence"] for model in listed} == {"manual", "two projects", "one project"}
    assert run("profiles", "--json").stdout == run("profiles", "list", "--json").stdout
    assert "(one project, needs `serial`)" in run("profiles", "list").stdout


def test_a_profile_is_checked_before_a_meter_is_read_with_it(tmp_path: Path) -> None:
    text = (files("firmware_bridge.modbus.profiles") / "eastron-sdm72.toml").read_text("utf-8")
    path = tmp_path / "mine.toml"
    text, _, _ = text.partition("[serial]")
    path.write_text(text)
    checked = run("profiles", "check", str(path)).stdout
    assert "function 4 for registers 72 .. 75 (0x0048 .. 0x004B)" in checked
    assert "note: each meter needs `serial`" in checked
    path.write_text(
        text.replace('unit = "W"', 'unit = "kW"').replace("function = 4", "function = 5")
    )
    refused = run("profiles", "check", str(path))
    assert refused.exit_code == 3
    assert "METER_PROFILE" in refused.stderr
    assert refused.stderr.count("`registers.") == 5


def test_a_simulated_meter_is_found_and_its_configuration_reads_it(load: str) -> None:
    with simulating("--load", load, "--load", load, "--serial", "31", "--offset-wh", "7") as at:
        found = run("probe", at["host"], "--port", str(at["port"]), "--units", "1-2", "--json")
        prose = run("probe", at["host"], "--port", str(at["port"]))
    findings = [json.loads(line) for line in found.stdout.splitlines()]
    assert [finding["serial"] for finding in findings] == ["31", "32"]
    assert findings[0]["profile"] == "meterline-virtual"
    assert findings[0]["certain"]
    assert findings[0]["values"]["1-0:1.8.0*255"] == {"value": "1507", "unit": "Wh"}
    assert findings[0]["values"]["1-0:2.8.0*255"] == {"value": "250", "unit": "Wh"}
    assert findings[0]["configuration"] in prose.stdout


def test_a_frozen_clock_shows_the_register_of_that_instant(load: str) -> None:
    with simulating("--load", load, "--frozen", "2026-01-01T00:20:00+0000") as at:
        found = run("probe", at["host"], "--port", str(at["port"]), "--json")
    assert json.loads(found.stdout)["values"]["1-0:1.8.0*255"]["value"] == "500"


def test_a_serial_line_is_played_and_found(load: str) -> None:
    with simulating("--load", load, "--rtu", "--profile", "eastron-sdm630") as at:
        found = run("probe", at["serial_port"], "--units", "1-2", "--timeout-s", "0.5", "--json")
    finding = json.loads(found.stdout)
    assert finding["profile"] == "eastron-sdm630"
    assert finding["values"]["1-0:1.8.0*255"] == {"value": "1500", "unit": "Wh"}


def test_nothing_there_ends_with_4(unused_tcp_port: int) -> None:
    probed = subprocess.run(
        [*COMMAND, "probe", "127.0.0.1", "--port", str(unused_tcp_port)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert probed.returncode == 4
    assert "METER_CONNECTION" in probed.stderr
    assert probed.stdout == ""


def test_a_meter_of_an_unknown_unit_ends_with_4(load: str) -> None:
    with simulating("--load", load) as at:
        probed = run(
            *("probe", at["host"], "--port", str(at["port"]), "--protocol", "modbus"),
            *("--units", "9", "--timeout-s", "0.2"),
        )
    assert probed.exit_code == 4
    assert "units 9" in probed.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["simulate", "--load", "missing.csv"], 3, "LOAD_FILE"),
        (["probe", "127.0.0.1", "--units", "x"], 3, "list of units"),
        (["probe"], 2, "Missing"),
        (["simulate", "--load", "missing.csv", "--port", "99999"], 2, "65535"),
    ],
)
def test_what_cannot_be_used_ends_with_its_code(arguments: list[str], code: int, says: str) -> None:
    ended = run(*arguments)
    assert ended.exit_code == code
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "line",
    [
        ("--protocol", "sml", "--serial-port", "/dev/no-such-device"),
        ("--protocol", "mbus", "--serial-port", "/dev/no-such-device"),
        ("--serial-port", "/dev/no-such-device"),
        ("--protocol", "dlms", "--host", "203.0.113.5"),
        ("--protocol", "iec62056_21", "--pty", "--link", "/proc/no-such-link"),
    ],
)
def test_a_line_that_cannot_be_opened_ends_with_3(line: tuple[str, ...], load: str) -> None:
    ended = run("simulate", "--load", load, "--loop", *line)
    assert ended.exit_code == 3
    assert "VIRTUAL_METER" in ended.stderr
