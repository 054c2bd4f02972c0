"""Options of `simulate` that fit no protocol, or lack a part, are refused with a remedy."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware_bridge.cli import app, option_check
from firmware_bridge.cli.simulate import PlayedProtocol, simulate

KEY = "00112233445566778899AABBCCDDEEFF"
EXAMPLES = {
    "host": "127.0.0.1",
    "port": "1",
    "link": "x",
    "serial_port": "x",
    "baudrate": "9600",
    "interval_s": "1",
    "profile": "meterline-virtual",
    "period_s": "60",
    "key": KEY,
    "auth_key": KEY,
    "p1_version": "4",
    "gas": "x",
    "first_address": "1",
    "framing": "cul",
    "security": "5",
    "dlms_link": "mbus",
    "segment": "60",
    "block": "60",
    "mode": "B",
    "reaction_s": "0",
    "device": "shelly1",
    "username": "x",
    "password": "x",
    "pulses": "10",
}
FLAGS = {"pty", "rtu", "fixed", "secondary"}
# One of each kind: running a command is dear.
SAMPLE = ("pty", "key", "rtu", "p1_version", "fixed", "framing", "dlms_link", "mode", "device")


def refused(tmp_path: Path, *arguments: str) -> str:
    load = tmp_path / "load.csv"
    load.write_text("start,kWh\n2026-03-01T00:00:00Z,1\n2026-03-01T01:00:00Z,1\n")
    ran = CliRunner().invoke(app, ["simulate", "--load", str(load), *arguments])
    assert ran.exit_code == 2, ran.output
    return re.sub(r"[\s│]+", " ", ran.output)


def test_every_option_of_a_protocol_is_known_to_be_one() -> None:
    assert set(EXAMPLES) | FLAGS == set(option_check.SIMULATE)
    assert set(option_check.SIMULATE) <= set(inspect.signature(simulate).parameters)
    assert {name for fitting in option_check.SIMULATE.values() for name in fitting} == set(
        PlayedProtocol
    )


@pytest.mark.parametrize(
    ("option", "protocol"),
    [
        (option, min(set(map(str, PlayedProtocol)) - option_check.SIMULATE[option]))
        for option in SAMPLE
    ],
)
def test_an_option_that_does_not_apply_to_the_protocol_is_refused(
    option: str, protocol: str, tmp_path: Path
) -> None:
    name = "--" + option.replace("_", "-")
    value = [] if option in FLAGS else [EXAMPLES[option]]
    said = refused(tmp_path, "--protocol", protocol, name, *value)
    assert f"{name} does not apply to {protocol}." in said
    assert "Leave it out, or choose --protocol" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["dsmr", "--p1-version", "lu"], "--p1-version lu needs --key"),
        (["dsmr", "--key", KEY], "Only --p1-version lu encrypts"),
        (["wmbus", "--security", "7"], "needs --key"),
        (["wmbus", "--key", KEY], "Add --security 5 or 7"),
        (["dlms", "--key", KEY], "needs --auth-key"),
        (["dlms", "--auth-key", KEY], "needs --key"),
        (["dlms", "--block", "60", "--dlms-link", "mbus"], "--block works with"),
        (["dlms", "--key", "secret-of-mine"], "A key is 32 hex digits"),
        (["sml", "--link", "x"], "--link needs --pty"),
        (["sml", "--pty", "--serial-port", "/dev/x"], "--pty and --serial-port"),
    ],
)
def test_what_belongs_together_is_asked_for_together(
    arguments: list[str], says: str, tmp_path: Path
) -> None:
    said = refused(tmp_path, "--protocol", *arguments)
    assert says in said
    assert "secret-of-mine" not in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["/dev/x", "--topic", "a"], "Leave it out, or choose --protocol mqtt_native"),
        (["mqtt://x", "--units", "1"], "--units does not apply to mqtt_native"),
        (["x", "--protocol", "sml", "--addresses", "1"], "choose --protocol mbus"),
        (["x", "--protocol", "modbus", "--key", KEY], "--key does not apply to modbus"),
    ],
)
def test_a_search_is_told_only_what_it_can_use(arguments: list[str], says: str) -> None:
    ran = CliRunner().invoke(app, ["probe", *arguments])
    assert ran.exit_code == 2
    assert says in re.sub(r"[\s│]+", " ", ran.output)
