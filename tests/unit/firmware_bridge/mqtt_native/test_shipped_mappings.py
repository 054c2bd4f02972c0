"""Devices whose mapping ships with Meterline are read without a file, and know their own names."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.telegram import TelegramUnsupportedError, plain
from firmware_bridge.mqtt_native.frames import decode_message
from firmware_bridge.mqtt_native.mappings import mapping_names, shipped_mapping

HOMEWIZARD = {
    "wifi_ssid": "house",
    "smr_version": 50,
    "meter_model": "ISKRA 2M550T-101",
    "unique_id": "4530303438303030303331323334353637",
    "total_power_import_kwh": 13779.338,
    "total_power_import_t1_kwh": 10830.511,
    "total_power_export_kwh": 0,
    "active_power_w": -543,
    "external": [
        {
            "unique_id": "4730303531303034353132333435363138",
            "type": "gas_meter",
            "timestamp": 261025023000,
            "value": 2569.646,
            "unit": "m3",
        },
        {"unique_id": "", "type": "water_meter", "timestamp": 1, "value": 9, "unit": "m3"},
        {"unique_id": "4142", "type": "inlet_heat_meter", "value": 1, "unit": "GJ"},
    ],
}
SCRIPT = {
    "Time": "2026-07-01T12:00:00",
    "SML": {"Total_in": 1234.5678, "E_in": 1, "Power_curr": -12, "Meter_Id": "1EMH0012345678"},
    "heat": {"Total_in": 77, "voltage_l2": 231.5},
    "DS18B20": {"Temperature": 21.4},
}


def shown(topic: str, payload: object) -> dict[str, str]:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return {
        f"{one.meter.manufacturer}/{one.meter.serial} {str(one.obis).removesuffix('*255')}": (
            f"{plain(one.value)} {one.unit}"
        )
        for one in decode_message(topic, raw)
    }


@pytest.mark.parametrize(
    ("topic", "payload", "values"),
    [
        (
            "solar/116180400144/0/yieldtotal",
            b"1234.567",
            ("Hoymiles/116180400144 1-0:2.8.0", "1234567 Wh"),
        ),
        ("solar/116180400144/0/power", b"250.5", ("Hoymiles/116180400144 1-0:2.7.0", "250.5 W")),
        ("inverter/roof/ch0/YieldTotal", b"12.5", ("Hoymiles/roof 1-0:2.8.0", "12500 Wh")),
        ("go-eCharger/054321/eto", b"812345", ("go-e/054321 1-0:1.8.0", "812345 Wh")),
        ("/go-eCharger/054321/eto", b"8", ("go-e/054321 1-0:1.8.0", "8 Wh")),
        (
            "home/p1/sensor/energy_consumed_tariff_2/state",
            b"4321.123",
            ("ESPHome/home/p1 1-0:1.8.2", "4321123 Wh"),
        ),
        ("p1/sensor/gas_consumed/state", b"1.5", ("ESPHome/p1/gas 7-0:3.0.0", "1500 L")),
        (
            "shellies/shellyswitch25-AB12/roller/0/energy",
            b"60",
            ("Shelly/shellyswitch25-AB12 1-0:1.8.0", "3600 J"),
        ),
    ],
)
def test_a_message_of_one_value(topic: str, payload: bytes, values: tuple[str, str]) -> None:
    assert shown(topic, payload) == dict([values])


def test_a_charger_sends_its_phases_as_a_list() -> None:
    phases = [230, 231, 232, 1, 6.1, 6.2, 6.3, 1403, 1432, 1461, 0, 4296, 99, 99, 99, 0]
    values = shown("go-eCharger/054321/nrg", phases)
    assert values["go-e/054321 1-0:1.7.0"] == "4296 W"
    assert values["go-e/054321 1-0:52.7.0"] == "231 V"
    assert values["go-e/054321 1-0:71.7.0"] == "6.3 A"
    assert len(values) == 7


def test_what_hangs_on_a_p1_port_is_a_meter_of_its_own() -> None:
    values = shown("anything/at/all", HOMEWIZARD)
    assert values == {
        "HomeWizard/E0048000031234567 1-0:1.8.0": "13779338 Wh",
        "HomeWizard/E0048000031234567 1-0:1.8.1": "10830511 Wh",
        "HomeWizard/E0048000031234567 1-0:2.8.0": "0 Wh",
        "HomeWizard/E0048000031234567 1-0:16.7.0": "-543 W",
        "HomeWizard/G0051004512345618 7-0:3.0.0": "2569646 L",
    }
    assert shown("", HOMEWIZARD) == values
    gas = decode_message("p1", json.dumps(HOMEWIZARD).encode())[-1]
    assert gas.port == 1
    # Half past two comes twice on that night, and the stamp has no letter.
    assert (gas.meter_time, gas.quality) == (
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        Quality.SUSPECT,
    )


@pytest.mark.parametrize(
    "topic", ["tele/cellar/SENSOR", "home/tele/cellar/SENSOR", "cellar/tele/SENSOR"]
)
def test_a_script_names_its_meters(topic: str) -> None:
    assert shown(topic, SCRIPT) == {
        "Tasmota/1EMH0012345678 1-0:1.8.0": "1234567.8 Wh",
        "Tasmota/1EMH0012345678 1-0:16.7.0": "-12 W",
        "Tasmota/cellar/heat 1-0:1.8.0": "77000 Wh",
        "Tasmota/cellar/heat 1-0:52.7.0": "231.5 V",
    }


def test_a_script_that_has_read_no_telegram_yet_says_nothing() -> None:
    """Its numbers are zero and its meter's number empty until then."""
    assert shown("tele/cellar/SENSOR", {"SML": {"Total_in": 0, "Meter_Id": ""}}) == {}
    assert shown("tele/cellar/SENSOR", {"SML": {"Total_in": 0.0}}) == {}
    assert shown("solar/1161/0/yieldtotal", b"0") == {}


@pytest.mark.parametrize(
    "topic",
    [
        "solar/dtu/rssi",
        "solar/1161/status/reachable",
        "inverter/roof/ch1/P_DC",
        "go-eCharger/1/car",
    ],
)
def test_what_a_known_device_says_beside_its_values_is_no_fault(topic: str) -> None:
    assert shown(topic, b"1") == {}


def test_zigbee_under_any_base_is_known_by_its_whole_topic() -> None:
    message = {"energy": 1.5, "linkquality": 80, "last_seen": "2026-03-01T12:00:00Z"}
    (value,) = decode_message("home/z2m/kitchen/plug", json.dumps(message).encode())
    assert (value.meter.serial, value.of_last_contact) == ("home/z2m/kitchen/plug", True)
    assert decode_message("home/z2m/bridge/devices", b'[{"linkquality": 1}]') == ()


def test_an_unknown_topic_stays_unknown() -> None:
    for topic in ("shop/1/0/power", "p1/sensor/uptime/state"):
        with pytest.raises(TelegramUnsupportedError):
            decode_message(topic, b"1")


@pytest.mark.parametrize("name", mapping_names())
def test_each_file_says_where_it_is_from(name: str) -> None:
    for device in shipped_mapping(name):
        assert device.source
