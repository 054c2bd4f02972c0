"""The centre says what is read; what is secret stays the gateway's."""

from __future__ import annotations

import pytest

from edge_agent.config.settings import EdgeConfig, parse_config
from edge_agent.remote.configuration.overlay import overlay
from edge_agent.remote.errors import ConfigurationInvalidError

KEY = "00112233445566778899aabbccddeeff"
METER = '[[meters]]\nname = "{name}"\nprotocol = "{protocol}"\nhost = "{host}"\nport = 1883\n'


def local() -> EdgeConfig:
    return parse_config(
        {
            "gateway": "gw-1",
            "broker": {"url": "mqtt://127.0.0.1:1"},
            "meters": [
                {"name": "heat", "protocol": "mbus", "host": "a", "port": 1883, "key": KEY},
                {
                    "name": "plug",
                    "protocol": "mqtt_native",
                    "host": "a",
                    "port": 1883,
                    "username": "u",
                    "password": "p",
                },
            ],
        }
    )


def remote(name: str, protocol: str, host: str = "a") -> dict[str, object]:
    (meter,) = overlay(local(), METER.format(name=name, protocol=protocol, host=host)).meters
    return meter.driver_settings


def test_meters_are_those_of_the_centre_and_nothing_else_changes() -> None:
    before = local()
    after = overlay(before, METER.format(name="new", protocol="modbus", host="b"))
    assert [meter.name for meter in after.meters] == ["new"]
    assert after.model_copy(update={"meters": before.meters}) == before


def test_a_meter_of_the_same_name_and_protocol_lends_its_keys() -> None:
    assert remote("heat", "mbus", "elsewhere")["key"] == KEY
    assert "key" not in remote("heat", "sml")
    assert "key" not in remote("other", "mbus")


def test_a_password_is_for_the_place_it_was_given_for() -> None:
    assert {"username", "password"} <= remote("plug", "mqtt_native").keys()
    assert "password" not in remote("plug", "mqtt_native", "elsewhere")


@pytest.mark.parametrize(
    "toml",
    [
        "meters = 3",
        "",
        "[[meters",
        "gateway = 'x'\nmeters = []",
        "[broker]\nurl = 'mqtt://evil:1'\n",
        "[remote]\nkeys = []\n",
        "[[meters]]\nname = 'a'\n",
        "[[meters]]\nname = '../a'\nprotocol = 'sml'\n",
        "[[meters]]\nname = 'a'\nprotocol = 'sml'\nperiod_s = 0\n",
        "[[meters]]\nname = 'a'\nprotocol = 'sml'\n" * 2,
        "[[meters]]\nname = 'a'\nprotocol = 'sml'\nkey = 'b'\n",
        "[[meters]]\nname = 'a'\nprotocol = 'pulse'\ncount_file = '/etc/passwd'\n",
        "[[meters]]\nname = 'a'\nprotocol = 'mqtt_native'\npassword = 'b'\n",
        "x = " + "[" * 20_000,
        "".join(f"[[meters]]\nname = 'm{i}'\nprotocol = 'sml'\n" for i in range(501)),
        "meters = []\nx = nan",
        "\x00",
    ],
)
def test_anything_else_is_refused(toml: str) -> None:
    with pytest.raises(ConfigurationInvalidError):
        overlay(local(), toml)


def test_a_secret_that_stands_where_it_may_not_is_not_repeated() -> None:
    toml = f"[[meters]]\nname = 'a'\nprotocol = 'sml'\nperiod_s = '{KEY}'\nkey = '{KEY}'\n"
    with pytest.raises(ConfigurationInvalidError) as refusal:
        overlay(local(), toml)
    assert KEY not in str(refusal.value)
