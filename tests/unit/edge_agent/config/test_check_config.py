"""What `check-config` can know of who the meters are."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_agent.cli import app

HEAD = 'gateway = "gw-1"\n[broker]\nurl = "mqtt://127.0.0.1:1"\n[buffer]\npath = "{path}"\n'
PORT = '[[meters]]\nname = "{name}"\nprotocol = "dsmr"\nhost = "127.0.0.1"\nport = 1\n{more}\n'
MODBUS = '[[meters]]\nname = "m"\nprotocol = "modbus"\nhost = "127.0.0.1"\nprofile = "{profile}"\n'


def check(folder: Path, *meters: str) -> tuple[int, str]:
    path = folder / "edge.toml"
    path.write_text(HEAD.format(path=folder / "buffer.db") + "".join(meters))
    ran = CliRunner().invoke(app, ["check-config", "--config", str(path)])
    return ran.exit_code, ran.output


def port(name: str, more: str) -> str:
    return PORT.format(name=name, more=more)


def test_two_tables_that_name_one_meter_are_refused(tmp_path: Path) -> None:
    named = 'serial = "7"\nmanufacturer = "KAM"'
    code, said = check(tmp_path, port("a", named), port("b", named))
    assert code == 3
    assert "CONFIGURATION_FILE" in said
    assert "'a' and 'b' have the same `serial`" in said
    other = named.replace("7", "8")
    assert check(tmp_path, port("a", named), port("b", other))[0] == 0


def test_a_placeholder_is_no_number(tmp_path: Path) -> None:
    code, said = check(tmp_path, port("a", 'serial = "<number on its nameplate>"'))
    assert (code, "DRIVER_SETTING" in said, "`serial`" in said) == (3, True, True)


@pytest.mark.parametrize(("more", "expected"), [("", 3), ('serial = "7"\n', 0)])
def test_a_model_that_cannot_tell_its_number_needs_it_said(
    tmp_path: Path, more: str, expected: int
) -> None:
    profile = tmp_path / "mute.toml"
    profile.write_text(
        'protocol = "modbus"\nmanufacturer = "XYZ"\nmodel = "Mute"\nsource = "its plate"\n'
        '[modbus]\naddress_base = 1\norder = "ABCD"\n'
        '[[registers]]\nobis = "1-0:1.8.0"\nfunction = 3\naddress = 1\ntype = "u32"\nunit = "Wh"\n'
    )
    code, said = check(tmp_path, MODBUS.format(profile=profile) + more)
    assert code == expected, said
    assert ("Set `serial`" in said) is bool(expected)
