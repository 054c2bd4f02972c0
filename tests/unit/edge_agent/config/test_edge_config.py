from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge_agent.config.settings import ConfigurationFileError, load_config, parse_config

if TYPE_CHECKING:
    from pathlib import Path


def table(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any TOML value
    base: dict[str, Any] = {
        "gateway": "gw-1",
        "broker": {"url": "mqtts://broker.example"},
        "meters": [{"name": "main", "protocol": "modbus", "host": "h", "profile": "p"}],
    }
    return base | changes


def test_what_the_agent_does_not_know_is_the_drivers() -> None:
    (meter,) = parse_config(table()).meters
    assert meter.driver_settings == {"host": "h", "profile": "p"}
    assert meter.period_s == 900


def test_the_scheme_chooses_port_and_encryption() -> None:
    broker = parse_config(table()).routes()[0]
    assert (broker.port, broker.tls) == (8883, True)
    plain = parse_config(table(broker={"url": "mqtt://h:99"})).routes()[0]
    assert (plain.host, plain.port, plain.tls) == ("h", 99, False)


def test_several_brokers_are_tried_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(
        'gateway = "gw-1"\n[[brokers]]\nurl = "mqtts://one"\nca_file = "ca.pem"\n'
        '[[brokers]]\nurl = "mqtt://two:1999"\n',
        encoding="utf-8",
    )
    first, second = load_config(path).routes()
    assert (str(first), first.ca_file) == ("one:8883", tmp_path / "ca.pem")
    assert (str(second), second.tls) == ("two:1999", False)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"gateway": "No Good"}, "gateway"),
        ({"gatewai": "x"}, "gatewai"),
        ({"broker": {"url": "http://h"}}, "broker"),
        ({"broker": {}}, "broker.url"),
        ({"broker": None}, "`[broker]`"),
        ({"brokers": [{"url": "mqtt://h"}]}, "`[[brokers]]`"),
        ({"broker": {"url": "mqtt://h", "ca_file": "x"}}, "broker"),
        ({"clock": {"source": "hearsay"}}, "clock.source"),
        ({"meters": [{"name": "a", "protocol": "p"}] * 2}, "two meters"),
        ({"meters": [{"name": "a", "protocol": "p", "period_s": 0}]}, "meters.0.period_s"),
        (
            {"meters": [{"name": "a", "protocol": "p", "backfill_from": "2026-01-01T00:00:00"}]},
            "meters.0.backfill_from",
        ),
    ],
)
def test_a_wrong_key_is_named_with_its_file_and_a_remedy(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigurationFileError, match=r"edge\.toml") as caught:
        parse_config(table(**changes), origin="edge.toml")
    assert key in str(caught.value)
    assert caught.value.remedy


S0 = {"protocol": "pulse", "serial": "7"}


@pytest.mark.parametrize(
    ("one", "other", "refused"),
    [
        ({"protocol": "dsmr", "serial": "7"}, {"protocol": "dsmr", "serial": "7"}, True),
        ({"protocol": "dsmr", "serial": "7"}, {"protocol": "dsmr", "serial": "8"}, False),
        ({"protocol": "dsmr", "serial": "7"}, {"protocol": "dlms", "serial": "7"}, False),
        (
            {"protocol": "dsmr", "serial": "7", "manufacturer": "KAM"},
            {"protocol": "dlms", "serial": "7", "manufacturer": "KAM"},
            True,
        ),
        (
            {"protocol": "dsmr", "serial": "7", "manufacturer": "KAM"},
            {"protocol": "dsmr", "serial": "7", "manufacturer": "LGF"},
            False,
        ),
        (
            {"protocol": "modbus", "serial": "7", "profile": "a"},
            {"protocol": "modbus", "serial": "7", "profile": "b"},
            False,
        ),
        ({**S0, "obis": "1-0:1.8.0"}, {**S0, "obis": "1-0:2.8.0"}, False),
        ({**S0, "obis": "1-0:1.8.0"}, {**S0, "obis": "1-0:1.8.0"}, True),
        ({"protocol": "dsmr"}, {"protocol": "dsmr"}, False),
    ],
)
def test_two_tables_that_name_one_meter_are_refused(
    one: dict[str, Any],
    other: dict[str, Any],
    refused: bool,  # noqa: FBT001 - an outcome
) -> None:
    meters = [{"name": "a", **one}, {"name": "b", **other}]
    if not refused:
        assert len(parse_config(table(meters=meters)).meters) == 2
        return
    with pytest.raises(
        ConfigurationFileError, match="'a' and 'b' have the same `serial`"
    ) as caught:
        parse_config(table(meters=meters))
    assert caught.value.remedy


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERLINE_EDGE_BROKER__URL", "mqtt://elsewhere:1")
    assert parse_config(table()).routes()[0].host == "elsewhere"


def test_a_file_that_is_missing_or_no_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    with pytest.raises(ConfigurationFileError, match=r"edge\.toml cannot be read"):
        load_config(path)
    path.write_text("gateway = ")
    with pytest.raises(ConfigurationFileError, match=r"edge\.toml is not valid TOML"):
        load_config(path)
