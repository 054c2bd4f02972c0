"""What `check-config` can know of who the meters are."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.config.settings import ConfigurationFileError, load_config, parse_config

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


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(
        HEAD.format(path=tmp_path / "none" / "buffer.db")
        + port("a", "baudrate = 1\ntimeout_s = -1")
        + port("b", "")
        + MODBUS.format(profile="no-such-model")
    )
    ran = CliRunner().invoke(app, ["check-config", "--config", str(path)])
    assert ran.exit_code == 3
    assert "BUFFER_FOLDER" in ran.output
    assert "`baudrate`" in ran.output
    assert "`timeout_s`" in ran.output
    assert "UNKNOWN_PROFILE" in ran.output
    assert "docs/" not in ran.output


def test_every_wrong_key_of_the_agents_own_is_named_at_once(tmp_path: Path) -> None:
    code, said = check(tmp_path, port("a", "period_s = 0\ncapacity_w = -1"), port("a b", ""))
    assert code == 3
    for key in ("meters.0.period_s", "meters.0.capacity_w", "meters.1.name"):
        assert f"`{key}`" in said


def test_what_drivers_refuse_is_named_beside_wrong_keys(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(
        HEAD.format(path=tmp_path / "none" / "buffer.db")
        + port("a", "period_s = 0")
        + port("b", "baudrate = 1")
        + port("c", "colour = 1")
    )
    ran = CliRunner().invoke(app, ["check-config", "--config", str(path)])
    code, said = ran.exit_code, ran.output
    assert (code, "BUFFER_FOLDER" in said) == (3, True)
    for key in ("meters.0.period_s", "baudrate", "colour"):
        assert f"`{key}`" in said


def test_all_of_one_table_is_named_in_one_go(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('protocol = "modbus"\nmodel = ""\n')
    (tmp_path / "worse.toml").write_text("[[devices]]\nname = 1\n")
    (tmp_path / "worst.toml").write_text("[[")
    path = tmp_path / "edge.toml"
    bad = MODBUS.format(profile="bad.toml").replace('host = "127.0.0.1"', "hosts = 7\nperiod_s = 0")
    mqtt = '[[meters]]\nname = "q"\nprotocol = "mqtt_native"\nhost = "h"\ntopics = []\nport = 0\n'
    mapped = mqtt + 'mappings = ["worse.toml", "worst.toml"]\n'
    path.write_text(
        HEAD.format(path=tmp_path / "none" / "buffer.db").replace(
            'url = "mqtt://127.0.0.1:1"', 'url = "mqtts://h:8883"\nca_file = "no.pem"'
        )
        + port("a", 'serial = "7"\nmanufacturer = "K"\nclock_absurd_s = 2\nbaudrate = 1')
        + port("a", 'serial = "7"\nmanufacturer = "K"')
        + bad
        + mapped
    )
    ran = CliRunner().invoke(app, ["check-config", "--config", str(path)])
    assert ran.exit_code == 3
    for fault in (
        *("two meters have the name 'a'", "would become one meter"),
        *("BUFFER_FOLDER", "BROKER_TLS", "`clock_absurd_s` is less", "`baudrate`"),
        *("`meters.2.period_s`", "`hosts`", "bad.toml: ", "`manufacturer`", "`registers`"),
        *("`topics`", "`port`", "worse.toml: ", "`devices.0.name`", "worst.toml is not valid TOML"),
    ):
        assert fault in ran.output, (fault, ran.output)


def test_the_faults_of_several_files_are_named_together(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text("[[devices]]\nname = 1\n")
    files = ", ".join(f'"{tmp_path / name}.toml"' for name in ("one", "two"))
    table = '[[meters]]\nname = "q"\nprotocol = "mqtt_native"\nhost = "h"\ntopics = ["t"]\n'
    code, said = check(tmp_path, table + f"mappings = [{files}]\n")
    assert (code, "one.toml: " in said, "two.toml: " in said) == (3, True, True)


@pytest.mark.parametrize("port_of_url", ["99999", "0", "-1", "mqtt"])
def test_a_port_that_is_none_is_refused(port_of_url: str) -> None:
    with pytest.raises(ConfigurationFileError, match=r"`broker`: `url` is not of the form"):
        parse_config({"gateway": "gw-1", "broker": {"url": f"mqtt://host:{port_of_url}"}})
    written = {"gateway": "gw-1", "broker": {"url": "mqtt://host"}}
    with pytest.raises(ConfigurationFileError, match=r"`centre` is not of the form"):
        parse_config(written | {"identity": {"centre": f"https://host:{port_of_url}"}})


def test_paths_count_from_the_files_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, elsewhere = tmp_path / "etc", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    shipped = files("firmware_bridge.modbus.profiles") / "eastron-sdm630.toml"
    (folder / "mine.toml").write_text(shipped.read_text(encoding="utf-8"))
    path = folder / "edge.toml"
    path.write_text(HEAD.format(path="buffer.db") + MODBUS.format(profile="mine.toml"))
    assert load_config(path).buffer.path == folder / "buffer.db"
    ran = CliRunner().invoke(app, ["check-config", "--config", "../etc/edge.toml"])
    assert ran.exit_code == 0, ran.output


def test_a_meters_fault_names_its_table(tmp_path: Path) -> None:
    code, said = check(tmp_path, port("cellar", 'unit = "kWh"'), port("attic", "volts = 1"))
    assert code == 3
    assert "DRIVER_SETTING: Meter cellar: Meter setting `unit`" in said
    assert "DRIVER_SETTING: Meter attic: Meter setting `volts`" in said
