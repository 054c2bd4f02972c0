"""A gateway's own files explain devices that nobody has thought of."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.telegram import TelegramError, TelegramUnsupportedError, plain
from firmware_bridge.mqtt_native.driver import MqttNativeDriver
from firmware_bridge.mqtt_native.frames import decode_message
from firmware_bridge.mqtt_native.mappings import MqttMappingError, MqttMappings, load_mappings
from firmware_bridge.recordings.decode import DecodeOptions, decode_bytes

TEXT = """
[[devices]]
name = "solar gateway, a value a topic"
source = "the gateway's manual"
topic = "sun/{serial}/0"
manufacturer = "ACME"
serial = "{serial}"
values = [
    { topic = "yieldtotal", obis = "1-0:2.8.0", unit = "kWh" },
    { topic = "power", obis = "1-0:2.7.0", unit = "W" },
]

[[devices]]
name = "charger, one message"
source = "the charger's manual"
topic = "{site}/charger/{box}"
manufacturer = "VOLT"
serial = "device.id"
time = { path = "ts", form = "milliseconds" }
values = [
    { path = "energy.total", obis = "1-0:1.8.0", unit = "Wh", scale = 1 },
    { path = "phases[0].volts", obis = "1-0:32.7.0", unit = "V" },
    { path = "phases[2].volts", obis = "1-0:72.7.0", unit = "V" },
]

[[devices]]
name = "tenth of a plug"
source = "a test"
topic = "tele/{plug}/SENSOR"
manufacturer = "MINE"
serial = "plug-{plug}"
time = { path = "Time", form = "local" }
values = [{ path = "ENERGY.Total", obis = "1-0:1.8.0", unit = "kWh", scale = -1 }]
"""
CHARGER = {
    "device": {"id": "B-17"},
    "ts": 1772366400000,
    "energy": {"total": 123.45},
    "phases": [{"volts": 230.1}, None],
}


def load(folder: Path, text: str = TEXT) -> MqttMappings:
    path = folder / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    return load_mappings([str(path)])


def shown(mappings: MqttMappings, topic: str, payload: bytes) -> dict[str, str]:
    return {
        f"{v.meter.manufacturer}/{v.meter.serial} {str(v.obis).removesuffix('*255')}": (
            f"{plain(v.value)} {v.unit}"
        )
        for v in decode_message(topic, payload, mappings=mappings)
    }


def test_a_value_may_have_a_topic_of_its_own(tmp_path: Path) -> None:
    mappings = load(tmp_path)
    total = shown(mappings, "sun/1164800/0/yieldtotal", b"1234.567")
    assert total == {"ACME/1164800 1-0:2.8.0": "1234567 Wh"}
    assert shown(mappings, "sun/7/0/power", b"-3.5") == {"ACME/7 1-0:2.7.0": "-3.5 W"}
    for topic in ("sun/7/1/power", "sun/7/0/power/x", "x/sun/7/0/power", "sun/7/8/0/power"):
        with pytest.raises(TelegramUnsupportedError):
            decode_message(topic, b"1", mappings=mappings)


def test_values_identity_and_time_stand_in_a_message(tmp_path: Path) -> None:
    mappings, payload = load(tmp_path), json.dumps(CHARGER).encode()
    assert shown(mappings, "yard/charger/2", payload) == {
        "VOLT/B-17 1-0:1.8.0": "1234.5 Wh",
        "VOLT/B-17 1-0:32.7.0": "230.1 V",
    }
    (first, *_) = decode_message("yard/charger/2", payload, mappings=mappings)
    assert first.meter_time == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert shown(mappings, "yard/charger/2", b'{"ts":1,"energy":7}') == {}
    (nameless,) = decode_message("yard/charger/2", b'{"energy":{"total":1}}', mappings=mappings)
    assert nameless.meter.serial == "unknown"
    assert nameless.meter_time is None


def test_a_mapping_goes_before_the_firmware_that_is_known(tmp_path: Path) -> None:
    payload = b'{"Time":"2026-10-25T02:30:00","ENERGY":{"Total":12345.6,"Power":7}}'
    (value,) = decode_message("tele/9/SENSOR", payload, mappings=load(tmp_path))
    assert (str(value.meter.serial), plain(value.value), value.unit) == ("plug-9", "1234560", "Wh")
    assert (value.meter_time, value.quality) == (
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        Quality.SUSPECT,
    )
    assert len(decode_message("tele/9/SENSOR", payload)) == 2


def test_a_recording_is_decoded_with_it(tmp_path: Path) -> None:
    line = b"sun/1164800/0/yieldtotal 1234.567\n"
    (found,) = decode_bytes("mqtt", line, DecodeOptions(mappings=load(tmp_path)))
    (value,) = found.observations
    assert value.meter.serial == "1164800"
    (refused,) = decode_bytes("mqtt", line)
    assert refused.error is not None


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ('unit = "kWh"', 'unit = "kilowatt"', "`devices.0.values.0.unit`: 'kilowatt'"),
        ('serial = "{serial}"', 'serial = "{number}"', "`serial` names {number}"),
        ('unit = "kWh"', 'unit = "V"', "1-0:2.8.0*255 is counted in Wh, not in V"),
        ("sun/{serial}/0", "sun/+/{serial}", "has '+': a level that changes is written {device}"),
        ("sun/{serial}/0", "sun/{serial}/#", "has '#'"),
        ("{site}/charger/{box}", "{site}/charger/{box}/set", "what is sent there is not read"),
        ('topic = "power"', 'topic = "get"', "what is sent there is not read"),
        ('unit = "kWh"', "unit = 5", "`devices.0.values.0.unit`"),
        ('topic = "power"', 'topic = "{serial}/power"', "names a part twice"),
        ("sun/{serial}/0", "sun/{serial}/{serial}", "'sun/{serial}/{serial}' names a part twice"),
        ('topic = "power"', 'topic = "yieldtotal"', "stand at the same place"),
        ("1-0:2.8.0", "energy", "OBIS"),
        ('path = "energy.total"', 'path = "energy..total"', "`devices.1.values.0.path`"),
        ('form = "milliseconds"', 'form = "unix"', "`devices.1.time.form`"),
        ("manufacturer", "maker", "`devices.0.maker`"),
        ("[[devices]]", "[[devices", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_key(tmp_path: Path, was: str, becomes: str, says: str) -> None:
    with pytest.raises(MqttMappingError) as caught:
        load(tmp_path, TEXT.replace(was, becomes))
    assert says in str(caught.value)


def test_two_devices_that_fit_the_same_messages_are_named(tmp_path: Path) -> None:
    twice = TEXT + "[[devices]]" + TEXT.split("[[devices]]")[3]
    with pytest.raises(MqttMappingError, match="devices 3 and 4 fit the same messages"):
        load(tmp_path, twice)
    apart = twice.rstrip() + '\nwhere = { kind = "other" }\n'
    assert load(tmp_path, apart)


@pytest.mark.parametrize("text", ["true", "false", "7", "seven"])
def test_a_condition_is_as_json_spells_it(tmp_path: Path, text: str) -> None:
    mappings = load(tmp_path, TEXT + f'where = {{ sure = "{text}" }}\n')
    value = text if text != "seven" else '"seven"'
    payload = f'{{"sure": {value}, "ENERGY": {{"Total": 5}}}}'.encode()
    (one,) = decode_message("tele/9/SENSOR", payload, mappings=mappings)
    assert one.meter.manufacturer == "MINE"


def test_a_file_whose_only_device_is_wrong_says_no_more_than_that(tmp_path: Path) -> None:
    alone = "[[devices]]".join(TEXT.split("[[devices]]")[:2])
    with pytest.raises(MqttMappingError) as caught:
        load(tmp_path, alone.replace('unit = "kWh"', 'unit = "kilowatt"'))
    assert "'kilowatt'" in str(caught.value)
    assert "`devices`:" not in str(caught.value)


def test_a_meters_table_names_its_files(tmp_path: Path) -> None:
    table = {"host": "h", "topics": ["sun/#"], "mappings": [str(tmp_path / "none.toml")]}
    with pytest.raises(MqttMappingError, match="cannot be read"):
        MqttNativeDriver.from_settings(table)


def test_mutants_of_mapped_messages_end_in_values_or_a_named_error(tmp_path: Path) -> None:
    mappings, chance = load(tmp_path), random.Random(16)  # noqa: S311 - reproducible, no secret
    whole = json.dumps(CHARGER).encode()
    measured = 0
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.choice(b'0{}[]",:.eN-\xff')
        try:
            measured += len(decode_message("a/charger/b", bytes(data), mappings=mappings))
        except TelegramError:
            continue
    assert measured
