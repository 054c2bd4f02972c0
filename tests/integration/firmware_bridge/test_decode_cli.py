"""`meterline-bridge decode` as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from firmware_bridge.cli import app
from firmware_bridge.recordings.decode import protocols
from firmware_bridge.simulator.mbus.encoding import device, long_frame, long_header
from tests.support.telegrams import RADIO_KEY, mode_c_read_out, own_captures

COMMAND = [sys.executable, "-c", "from firmware_bridge.cli import main; main()", "decode"]
P1 = (
    b"/XXX5TEST\r\n\r\n0-0:1.0.0(230601120000S)\r\n0-0:96.1.1(3132)\r\n"
    b"1-0:1.8.0(000001.500*kWh)\r\n0-1:24.1.0(003)\r\n0-1:96.1.0(4731)\r\n"
    b"0-1:24.2.1(230601110000S)(00002.5*m3)\r\n!\r\n"
)


def decode(*arguments: str) -> Result:
    """The command in this process; the first test has it in one of its own."""
    ran = CliRunner().invoke(app, ["decode", *arguments])
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran


def written(folder: Path, content: bytes) -> str:
    path = folder / "recording"
    path.write_bytes(content)
    return str(path)


def test_each_reading_is_one_line_of_json(tmp_path: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, "--protocol", "dsmr", written(tmp_path, P1)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [
        {
            "meter": "XXX/12",
            "obis": "1-0:1.8.0*255",
            "value": "1500",
            "unit": "Wh",
            "quality": "actual",
            "meter_time": "2023-06-01T10:00:00Z",
        },
        {
            "meter": "P1/G1",
            "obis": "0-1:24.2.1*255",
            "value": "2500",
            "unit": "L",
            "quality": "actual",
            "meter_time": "2023-06-01T09:00:00Z",
        },
    ]


@pytest.mark.parametrize(
    "spelled",
    [
        bytes.hex,
        lambda data: data.hex(" ").upper(),
        lambda data: data.hex(":", 4),
        lambda data: "# a comment\n" + "\n".join(f"0x{byte:02x}," for byte in data),
        lambda data: "\ufeff" + data.hex("-"),
    ],
)
def test_hex_text_in_any_spelling_is_read(tmp_path: Path, spelled) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - five lambdas
    text = spelled(mode_c_read_out())
    ran = decode("--protocol", "iec62056-21", written(tmp_path, text.encode()))
    assert ran.exit_code == 0
    assert len(ran.stdout.splitlines()) == 4


def test_keys_open_encrypted_telegrams_and_stay_out_of_the_output(tmp_path: Path) -> None:
    capture = next(c for c in own_captures() if c.name == "own/mode-5-a")
    recording = written(tmp_path, capture.data)
    opened = decode("--protocol", "mbus", "--key", RADIO_KEY.hex(), recording)
    assert opened.exit_code == 0
    assert len(opened.stdout.splitlines()) == 10
    closed = decode("--protocol", "mbus", recording)
    assert closed.exit_code == 3
    assert json.loads(closed.stdout)["error"] == "KEY_MISSING"
    wrong = decode("--protocol", "mbus", "--key", "00" * 16, recording)
    assert json.loads(wrong.stdout)["error"] == "AUTHENTICATION"
    short = decode("--protocol", "mbus", "--key", "DEADBEEF", recording)
    assert short.exit_code == 2
    assert "DEADBEEF" not in short.stderr


def test_refused_telegrams_beside_sound_ones_go_to_standard_error(tmp_path: Path) -> None:
    bad = P1.replace(b"!\r\n", b"!0000\r\n")
    ran = decode("--protocol", "dsmr", written(tmp_path, bad + P1))
    assert ran.exit_code == 0
    assert len(ran.stdout.splitlines()) == 2
    assert json.loads(ran.stderr)["error"] == "CHECKSUM"


def test_only_refused_telegrams_are_the_output_and_exit_3(tmp_path: Path) -> None:
    bad = P1.replace(b"!\r\n", b"!0000\r\n")
    ran = decode("--protocol", "dsmr", written(tmp_path, bad * 3))
    assert ran.exit_code == 3
    assert [json.loads(line)["error"] for line in ran.stdout.splitlines()] == ["CHECKSUM"] * 3


def test_sound_telegrams_without_a_value_say_so(tmp_path: Path) -> None:
    silent = b"/MTL5X\r\n\r\n0-0:96.1.1(3132)\r\n!\r\n"
    ran = decode("--protocol", "dsmr", written(tmp_path, silent))
    assert ran.exit_code == 3
    assert json.loads(ran.stdout)["error"] == "TELEGRAM_EMPTY"
    beside = decode("--protocol", "dsmr", written(tmp_path, silent + P1))
    assert beside.exit_code == 0
    assert json.loads(beside.stderr)["warning"] == "TELEGRAM_EMPTY"


def test_what_follows_the_readings_of_a_cut_telegram_is_warned_of(tmp_path: Path) -> None:
    records = bytes.fromhex("04 13 39 30 00 00  04 03 01 02")
    frame = long_frame(long_header(device("12345678", "ABC", 1, 7), 1, 0, records))
    ran = decode("--protocol", "mbus", written(tmp_path, frame))
    assert ran.exit_code == 0
    assert json.loads(ran.stdout)["value"] == "12345"
    assert json.loads(ran.stderr)["warning"] == "TELEGRAM_TRUNCATED"


@pytest.mark.parametrize("protocol", protocols())
@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"no telegram"], ids=["0", "zero", "text"])
def test_a_file_without_telegrams_exits_3_with_one_error(
    tmp_path: Path, protocol: str, content: bytes
) -> None:
    ran = decode("--protocol", protocol, written(tmp_path, content))
    assert ran.exit_code == 3
    assert json.loads(ran.stdout)["error"].startswith("TELEGRAM")


def test_an_unknown_protocol_is_a_usage_error(tmp_path: Path) -> None:
    ran = decode("--protocol", "morse", written(tmp_path, b"..."))
    assert ran.exit_code == 2
    assert "dlms" in ran.stderr


def test_what_no_gateway_would_take_is_printed_with_a_warning(tmp_path: Path) -> None:
    twice = P1.replace(b"0-0:96.1.1(3132)\r\n", b"1-0:1.8.0(000002.500*kWh)\r\n")
    ran = decode("--protocol", "dsmr", written(tmp_path, twice))
    assert ran.exit_code == 0
    assert len(ran.stdout.splitlines()) == 3
    said = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [line["warning"] for line in said] == ["METER_UNNAMED", "VALUE_REPEATED"]
    assert "`serial`" in said[0]["message"]
