from __future__ import annotations

import json
from datetime import UTC, datetime

import msgpack
import pytest

from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.local_clock import DEFAULT_ZONE
from firmware_bridge.driver.telegram import (
    Telegram,
    TelegramError,
    TelegramSyntaxError,
    TelegramTooLargeError,
    TelegramUnsupportedError,
    plain,
)
from firmware_bridge.mqtt_native.frames import decode_message
from firmware_bridge.mqtt_native.values import MessageScanner, as_line
from firmware_bridge.recordings.decode import decode_bytes

TASMOTA = b"""{"Time":"2026-03-01T12:00:00","ENERGY":{"TotalStartTime":"2025-01-01T00:00:00",
"Total":1234.567,"Yesterday":1.2,"Today":0.4,"ExportActive":0.125,"Power":[10,20,30],
"Voltage":230,"Current":0.046,"Factor":0.95,"TotalTariff":[1000.5,234.067]},"TempUnit":"C"}"""
SHELLY_RPC = b"""{"src":"shellypro3em-aabbcc","dst":"x/events","method":"NotifyStatus","params":
{"ts":1772366400.5,"em:0":{"id":0,"a_voltage":230.1,"b_act_power":-12.5,"n_current":null,
"total_act_power":99.1},"emdata:0":{"id":0,"a_total_act_energy":10.25,"total_act":30.75,
"total_act_ret":0.5},"wifi":{"rssi":-60}}}"""
SHELLY_SWITCH = b"""{"id":0,"source":"init","output":true,"apower":12.3,"voltage":230.1,
"current":0.05,"aenergy":{"total":1234.567,"by_minute":[1.5,2,3],"minute_ts":1772366400},"temperature":{"tC":40}}"""
ZIGBEE = b"""{"energy":12.34,"power":-5,"voltage":229,"current":0.02,"linkquality":90,"state":"ON",
"device":{"ieeeAddr":"0x00158d0001020304","manufacturerName":"ACME"}}"""
NATIVE = {
    "v": 1,
    "manufacturer": "ACME",
    "serial": "77",
    "at": "2026-03-01T13:00:00+01:00",
    "readings": [
        {"obis": "1-0:1.8.0", "value": "123.450", "unit": "kWh"},
        {"obis": "8-0:1.0.0", "value": 5, "unit": "m3", "quality": "suspect", "at": 1772366400000},
    ],
}

NO_CODE: dict[str, object] = {"obis": "x", "value": 1}
BINARY: dict[str, object] = {"obis": "1-0:1.8.0", "value": 0.1}


def shown(topic: str, payload: bytes) -> dict[str, str]:
    return {
        f"{v.meter.manufacturer}/{v.meter.serial} {str(v.obis).removesuffix('*255')}": (
            f"{plain(v.value)} {v.unit}"
        )
        for v in decode_message(topic, payload)
    }


def test_tasmota() -> None:
    assert shown("tele/plug1/SENSOR", TASMOTA) == {
        "Tasmota/plug1 1-0:1.8.0": "1234567 Wh",
        "Tasmota/plug1 1-0:2.8.0": "125 Wh",
        "Tasmota/plug1 1-0:21.7.0": "10 W",
        "Tasmota/plug1 1-0:41.7.0": "20 W",
        "Tasmota/plug1 1-0:61.7.0": "30 W",
        "Tasmota/plug1 1-0:13.7.0": "0.95 1",
        "Tasmota/plug1 1-0:12.7.0": "230 V",
        "Tasmota/plug1 1-0:11.7.0": "0.046 A",
        "Tasmota/plug1 1-0:1.8.1": "1000500 Wh",
        "Tasmota/plug1 1-0:1.8.2": "234067 Wh",
    }
    (first, *_) = decode_message("tele/plug1/SENSOR", TASMOTA, "Europe/Berlin")
    assert first.meter_time == datetime(2026, 3, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("emeter/0/total", b"1234.5", {"Shelly/shellyem-1 1-0:1.8.0": "1234.5 Wh"}),
        ("emeter/1/total_returned", b"7", {"Shelly/shellyem-1#1 1-0:2.8.0": "7 Wh"}),
        ("emeter/0/power", b"-3.25", {"Shelly/shellyem-1 1-0:16.7.0": "-3.25 W"}),
        ("relay/0/energy", b"61", {"Shelly/shellyem-1 1-0:1.8.0": "3660 J"}),
        ("relay/0/overpower_value", b"0", {}),
    ],
)
def test_shelly_of_the_first_generation(
    topic: str, payload: bytes, expected: dict[str, str]
) -> None:
    assert shown(f"shellies/shellyem-1/{topic}", payload) == expected


def test_shelly_of_the_second_generation() -> None:
    assert shown("plug/status/switch:0", SHELLY_SWITCH) == {
        "Shelly/plug 1-0:16.7.0": "12.3 W",
        "Shelly/plug 1-0:12.7.0": "230.1 V",
        "Shelly/plug 1-0:11.7.0": "0.05 A",
        "Shelly/plug 1-0:1.8.0": "1234.567 Wh",
    }
    assert shown("kitchen/events/rpc", SHELLY_RPC) == {
        "Shelly/shellypro3em-aabbcc 1-0:32.7.0": "230.1 V",
        "Shelly/shellypro3em-aabbcc 1-0:56.7.0": "-12.5 W",
        "Shelly/shellypro3em-aabbcc 1-0:16.7.0": "99.1 W",
        "Shelly/shellypro3em-aabbcc 1-0:21.8.0": "10.25 Wh",
        "Shelly/shellypro3em-aabbcc 1-0:1.8.0": "30.75 Wh",
        "Shelly/shellypro3em-aabbcc 1-0:2.8.0": "0.5 Wh",
    }
    times = {v.meter_time for v in decode_message("kitchen/events/rpc", SHELLY_RPC)}
    assert times == {datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)}


def test_zigbee2mqtt_devices_are_known_by_their_address() -> None:
    assert shown("zigbee2mqtt/kitchen plug", ZIGBEE) == {
        "ACME/0x00158d0001020304 1-0:1.8.0": "12340 Wh",
        "ACME/0x00158d0001020304 1-0:16.7.0": "-5 W",
        "ACME/0x00158d0001020304 1-0:12.7.0": "229 V",
        "ACME/0x00158d0001020304 1-0:11.7.0": "0.02 A",
    }
    assert shown("zigbee2mqtt/lamp", b'{"state":"ON"}') == {}


@pytest.mark.parametrize(
    ("text", "zone", "at", "quality"),
    [
        (
            "2026-03-01T12:00:00",
            None,
            "2026-03-01T11:00",
            Quality.ACTUAL,
        ),  # the device's local time
        ("2026-07-01T12:00:00", None, "2026-07-01T10:00", Quality.ACTUAL),
        ("2026-03-01T12:00:00", "Europe/Lisbon", "2026-03-01T12:00", Quality.ACTUAL),
        ("2026-03-01T12:00:00+05:30", None, "2026-03-01T06:30", Quality.ACTUAL),
        ("2026-10-25T02:30:00", None, "2026-10-25T00:30", Quality.SUSPECT),  # autumn repeats it
        ("1970-01-01T00:00:10", None, None, Quality.ACTUAL),
        ("2106-02-07T06:28:15", None, None, Quality.ACTUAL),
    ],
)
def test_a_time_without_offset_is_local_and_one_of_no_clock_is_none(
    text: str, zone: str | None, at: str | None, quality: Quality
) -> None:
    payload = f'{{"Time":"{text}","ENERGY":{{"Total":1}}}}'.encode()
    (value,) = decode_message("tele/p/SENSOR", payload, zone or DEFAULT_ZONE)
    assert (value.meter_time and f"{value.meter_time:%Y-%m-%dT%H:%M}") == at
    assert value.quality is quality


@pytest.mark.parametrize("seconds", [1, 4_102_444_800, 99_999_999_999])
def test_a_shelly_whose_clock_was_never_set_or_is_far_ahead_gives_no_time(seconds: int) -> None:
    payload = f'{{"src":"s","params":{{"ts":{seconds},"pm1:0":{{"apower":1}}}}}}'.encode()
    (value,) = decode_message("s/events/rpc", payload)
    assert value.meter_time is None


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        ("0.95", "0.95"),
        ("95", "0.95"),
        ("-97", "-0.97"),
        ("1", "1"),
        ("100", "1.00"),
        ("98.5", "0.985"),
        ("2", "0.02"),
        ("1.01", "1.01"),
        ("-1.001", "-1.001"),
        ("1.1", "1.1"),
        ("1.11", None),
        ("-1.99", None),
        ("101", None),
        ("-101", None),
    ],
)
def test_a_power_factor_is_in_percent_only_where_it_can_be_nothing_else(
    factor: str, expected: str | None
) -> None:
    payload = f'{{"power_factor":{factor},"energy":1}}'.encode()
    found = shown("zigbee2mqtt/p", payload)
    wanted = {} if expected is None else {"Zigbee/p 1-0:13.7.0": f"{expected} 1"}
    assert found == {**wanted, "Zigbee/p 1-0:1.8.0": "1000 Wh"}


@pytest.mark.parametrize(
    "topic",
    [
        "zigbee2mqtt/plug/set",
        "zigbee2mqtt/plug/set/power",
        "zigbee2mqtt/plug/get",
        "zigbee2mqtt/bridge/devices",
        "zigbee2mqtt/bridge/info",
        "cmnd/plug/POWER",
        "home/cmnd/plug/POWER",
        "shellies/shelly1pm-1/relay/0/command",
    ],
)
def test_what_is_asked_of_a_device_is_no_meter(topic: str) -> None:
    assert decode_message(topic, ZIGBEE) == ()
    assert decode_message(topic, b"toggle") == ()


def test_a_zigbee_meter_shows_its_phases() -> None:
    fields = (
        '"energy_a":1,"energy_b":2,"energy_c":3,"produced_energy_a":0.5,"power_phase_b":-7,'
        '"voltage_phase_c":231,"current_a":0.5,"power_factor_phase_a":98,"energy_d":4,"state_a":"ON"'
    )
    assert shown("zigbee2mqtt/m", f"{{{fields}}}".encode()) == {
        "Zigbee/m 1-0:21.8.0": "1000 Wh",
        "Zigbee/m 1-0:41.8.0": "2000 Wh",
        "Zigbee/m 1-0:61.8.0": "3000 Wh",
        "Zigbee/m 1-0:22.8.0": "500 Wh",
        "Zigbee/m 1-0:56.7.0": "-7 W",
        "Zigbee/m 1-0:72.7.0": "231 V",
        "Zigbee/m 1-0:31.7.0": "0.5 A",
        "Zigbee/m 1-0:33.7.0": "0.98 1",
    }


NO_NUMBERS = ["NaN", "Infinity", "-Infinity", "null", "nan", "-nan", "inf", "-INF", "+infinity"]


@pytest.mark.parametrize("word", NO_NUMBERS)
def test_one_value_that_a_device_does_not_have_costs_no_other(word: str) -> None:
    assert shown("zigbee2mqtt/p", f'{{"energy":1,"power":{word}}}'.encode()) == {
        "Zigbee/p 1-0:1.8.0": "1000 Wh"
    }
    native = (
        f'{{"v":1,"serial":"7","readings":[{{"obis":"1-0:1.7.0","value":{word},"unit":"W"}},'
        '{"obis":"1-0:1.8.0","value":"5","unit":"Wh"}]}'
    )
    assert shown("t", native.encode()) == {"unknown/7 1-0:1.8.0": "5 Wh"}
    assert shown("shellies/s/emeter/0/total", word.encode()) == {}
    assert shown("p1/sensor/power_consumed/state", word.encode()) == {}


def test_a_text_that_has_such_a_word_stays_as_it_is() -> None:
    message = rb'{"energy":nan,"device":{"ieeeAddr":"\"nan, inf"},"power":7}'
    assert shown("zigbee2mqtt/p", message) == {'Zigbee/"nan, inf 1-0:16.7.0': "7 W"}
    with pytest.raises(TelegramSyntaxError):
        decode_message("zigbee2mqtt/p", b'{"energy":nano,"power":7}')


def test_a_binary_number_that_is_none_costs_no_other() -> None:
    readings = [
        {"obis": "1-0:1.7.0", "value": float("nan")},
        {"obis": "1-0:1.8.0", "value": 5, "unit": "kWh"},
    ]
    sent = msgpack.packb({"v": 1, "serial": "7", "readings": readings})
    assert shown("t", sent) == {"unknown/7 1-0:1.8.0": "5000 Wh"}


@pytest.mark.parametrize("at", ['"2150-01-01T00:00:00Z"', "1000", "9999999999999"])
def test_a_native_time_of_no_clock_is_named(at: str) -> None:
    reading = '{"obis":"1-0:1.8.0","value":1,"unit":"kWh"}'
    payload = f'{{"v":1,"serial":"7","at":{at},"readings":[{reading}]}}'
    with pytest.raises(TelegramSyntaxError, match="between 2000 and 2100"):
        decode_message("t", payload.encode())


@pytest.mark.parametrize("encode", [lambda m: json.dumps(m).encode(), msgpack.packb])
def test_the_native_payload_in_both_codings(encode) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - two codecs
    first, second = decode_message("anything", encode(NATIVE))
    assert (plain(first.value), first.unit, first.quality) == ("123450", "Wh", Quality.ACTUAL)
    assert (first.meter.manufacturer, first.meter.serial) == ("ACME", "77")
    assert first.meter_time == second.meter_time == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert (plain(second.value), second.unit, second.quality) == ("5000", "L", Quality.SUSPECT)


@pytest.mark.parametrize(
    ("topic", "payload", "error"),
    [
        ("t", b"", TelegramSyntaxError),
        ("t", b"{", TelegramSyntaxError),
        ("t", b"\xff", TelegramSyntaxError),
        ("t", b"\x81", TelegramSyntaxError),
        ("t", b"NaN", TelegramUnsupportedError),
        ("shellies/a/emeter/0/total", b"1e999999", TelegramSyntaxError),
        ("shellies/a/emeter/0/total", b"9" * 50, TelegramSyntaxError),
        ("t", b"9" * 50, TelegramUnsupportedError),
        ("t", b"[" * 100_000, TelegramTooLargeError),
        ("t", b'{"a":' * 50 + b"1" + b"}" * 50, TelegramTooLargeError),
        ("t", b" " * 70_000, TelegramTooLargeError),
        ("t", b"{}", TelegramUnsupportedError),
        ("t", json.dumps(NATIVE | {"v": 2}).encode(), TelegramUnsupportedError),
        ("t", json.dumps(NATIVE | {"readings": 5}).encode(), TelegramSyntaxError),
        ("t", json.dumps(NATIVE | {"serial": {"no": 1}}).encode(), TelegramSyntaxError),
        ("t", json.dumps(NATIVE | {"readings": [{}]}).encode(), TelegramSyntaxError),
        ("t", json.dumps(NATIVE | {"readings": [{"value": 1}]}).encode(), TelegramSyntaxError),
        (
            "t",
            msgpack.packb(NATIVE | {"readings": [{"obis": "1-0:1.8.0", "value": 0.1}]}),
            TelegramSyntaxError,
        ),
    ],
    ids=str,
)
def test_malformed_messages_are_named(topic: str, payload: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_message(topic, payload)


def test_every_cut_of_every_message_is_survived() -> None:
    for topic, payload in (
        ("tele/plug1/SENSOR", TASMOTA),
        ("x/events/rpc", SHELLY_RPC),
        ("zigbee2mqtt/a", ZIGBEE),
        ("t", msgpack.packb(NATIVE)),
    ):
        for size in range(len(payload)):
            with pytest.raises(TelegramError):
                decode_message(topic, payload[:size])


def test_recordings_hold_a_message_a_line() -> None:
    lines = (
        as_line("tele/plug1/SENSOR", TASMOTA)
        + as_line("t", msgpack.packb(NATIVE))
        + b"shellies/a/emeter/0/total 5\n\nnonsense\n"
        + json.dumps(NATIVE).encode()
    )
    scanner = MessageScanner()
    found: list[Telegram] = []
    for at in range(0, len(lines), 13):
        found += scanner.feed(lines[at : at + 13])
    found += scanner.close()
    assert [len(t.observations) for t in found] == [10, 2, 1, 0, 2]
    assert [t.error is None for t in found] == [True, True, True, False, True]


def test_an_endless_line_is_refused_once_and_the_next_is_read() -> None:
    scanner = MessageScanner()
    found = [t for _ in range(100) for t in scanner.feed(b"x" * 10_000)]
    assert [type(t.error) for t in found] == [TelegramTooLargeError]
    assert [t.error for t in scanner.feed(b"\nshellies/a/emeter/0/total 5\n")] == [None]


def read(content: bytes) -> list[str]:
    found = decode_bytes("mqtt_native", content)
    return [
        f"{v.meter.manufacturer}/{v.meter.serial} {v.obis} {plain(v.value)} {v.unit}"
        for telegram in found
        for v in telegram.observations
    ]


TOTAL = b'{"Time":"2026-03-01T12:00:00","ENERGY":{"Total":1.256}}'
EMETERS = b"""{"mac":"AABBCC","emeters":[{"power":1.5,"total":12.5,"is_valid":true},
{"power":9,"total":9,"is_valid":false}],"meters":[{"total":10}]}"""


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TOTAL, ["Tasmota/unknown 1-0:1.8.0*255 1256 Wh"]),
        (
            b'stat/plug/STATUS10 {"StatusSNS":' + TOTAL + b"}",
            ["Tasmota/plug 1-0:1.8.0*255 1256 Wh"],
        ),
        (TOTAL.replace(b",", b",\r\n  "), ["Tasmota/unknown 1-0:1.8.0*255 1256 Wh"]),
        (
            b"tele/plug/SENSOR " + TOTAL.replace(b":{", b": {\n\t"),
            ["Tasmota/plug 1-0:1.8.0*255 1256 Wh"],
        ),
        (b"[" + TOTAL + b",\n" + TOTAL + b"]", ["Tasmota/unknown 1-0:1.8.0*255 1256 Wh"] * 2),
        (
            b'{"id":2,"apower":8.9,"aenergy":{"total":6.532}}',
            ["Shelly/unknown#2 1-0:16.7.0*255 8.9 W", "Shelly/unknown#2 1-0:1.8.0*255 6.532 Wh"],
        ),
        (
            b'{"id":1,"src":"pm-aa","result":{"switch:0":{"apower":1.5}}}',
            ["Shelly/pm-aa 1-0:16.7.0*255 1.5 W"],
        ),
        (
            b'{"emdata:0":{"total_act":1.23},"sys":{"mac":"AABBCC"}}',
            ["Shelly/AABBCC 1-0:1.8.0*255 1.23 Wh"],
        ),
        (
            EMETERS,
            [
                "Shelly/AABBCC 1-0:16.7.0*255 1.5 W",
                "Shelly/AABBCC 1-0:1.8.0*255 12.5 Wh",
                "Shelly/AABBCC 1-0:1.8.0*255 600 J",
            ],
        ),
        (b'{"energy":5.31,"linkquality":120}', ["Zigbee/unknown 1-0:1.8.0*255 5310 Wh"]),
        (
            b'{"topic":"zigbee2mqtt/plug","payload":{"energy":5.310000000000000001}}',
            ["Zigbee/plug 1-0:1.8.0*255 5310.000000000000001 Wh"],
        ),
        (
            b'{"topic":"shellies/em-1/emeter/1/total","payload":"12.5"}',
            ["Shelly/em-1#1 1-0:1.8.0*255 12.5 Wh"],
        ),
        (msgpack.packb({**NATIVE, "serial": "7\n"}), ["ACME/7 1-0:1.8.0*255 123450 Wh"]),
        (b'{"temperature":2}', []),
    ],
)
def test_messages_recorded_without_their_topic_tell_their_firmware(
    content: bytes, expected: list[str]
) -> None:
    assert read(content)[: len(expected) or None] == expected
