"""What the topics of one device have in common."""

from __future__ import annotations

import json

import pytest

from firmware_bridge.driver.telegram import TelegramSyntaxError
from firmware_bridge.mqtt_native.frames import decode_message, device_topic
from firmware_bridge.mqtt_native.live import DeviceScanner, Memory, framed


@pytest.mark.parametrize(
    ("topics", "device"),
    [
        (("a/tele/plug/SENSOR", "a/stat/plug/STATUS10", "a/stat/plug/STATUS8"), "a/plug"),
        (("tele/plug/SENSOR", "stat/plug/STATUS10"), "plug"),
        (("plug/tele/SENSOR",), "plug"),
        (("shellies/em/emeter/0/total", "shellies/em/relay/1/power"), "shellies/em"),
        (("shop/pro/status/em:0", "shop/pro/status/emdata:0", "shop/pro/events/rpc"), "shop/pro"),
        (("shellies/em/info", "shellies/em/emeter/0/total"), "shellies/em"),
        (("meters/aa",), "meters/aa"),
    ],
)
def test_topics_of_one_device_are_one(topics: tuple[str, ...], device: str) -> None:
    assert {device_topic(topic) for topic in topics} == {device}


STATUS = {
    "mac": "98CDAC1E2F3A",
    "emeters": [
        {"power": 1.5, "is_valid": True, "total": 1234.5, "total_returned": 7},
        {"power": 0, "is_valid": True, "total": 20, "total_returned": 0},
    ],
}


def test_a_whole_status_is_of_the_device_that_its_topic_names() -> None:
    """A device of the first generation publishes it beside each single value."""
    single = decode_message("shellies/shellyem-1E2F3A/emeter/0/total", b"1234.5")
    whole = decode_message("shellies/shellyem-1E2F3A/info", json.dumps(STATUS).encode())
    assert {one.meter.serial for one in whole} == {"shellyem-1E2F3A", "shellyem-1E2F3A#1"}
    assert single[0] in whole
    by_http = decode_message("", json.dumps(STATUS).encode())
    assert {one.meter.serial for one in by_http} == {"98CDAC1E2F3A", "98CDAC1E2F3A#1"}


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("shellies/shelly1pm-AA/relay/0", b"on"),
        ("shellies/shelly1pm-AA/announce", b'{"id":"shelly1pm-AA","mac":"AA"}'),
        ("shellies/announce", b'{"id":"shelly1pm-AA"}'),
        ("shellies/shelly1pm-AA/input/0", b"0"),
        ("shellies/shelly1pm-AA/temperature_status", b"Normal"),
        ("shellies/shelly1pm-AA/temperature", b"45.3"),
        ("shellies/shellyswitch25-AA/roller/0", b"stop"),
        ("shellies/shellyem-AA/emeter/0/energy", b"100"),
        ("shellyplus1pm-441793d69718/debug/log", b"shos_init.c:94 [1]"),
        ("home/shellyplus1pm-441793d69718/status/sys", b'{"mac":"AA","uptime":5}'),
        ("own/prefix/status/wifi", b'{"rssi":-50}'),
        ("tele/plug/STATE", b'{"Time":"2026-03-05T06:19:48","POWER":"ON"}'),
        ("tele/plug/LWT", b"Online"),
        ("tele/plug/INFO1", b'{"Info1":{"Module":"Generic"}}'),
        ("plug/tele/STATE", b'{"POWER":"ON"}'),
        ("stat/plug/POWER", b"ON"),
        ("stat/plug/RESULT", b'{"POWER":"ON"}'),
        ("stat/plug/STATUS5", b'{"StatusNET":{"Hostname":"plug"}}'),
        ("tasmota/discovery/AABB/config", b'{"ip":"10.0.0.2"}'),
    ],
)
def test_what_a_firmware_says_beside_its_values_is_no_fault(topic: str, payload: bytes) -> None:
    assert decode_message(topic, payload) == ()


@pytest.mark.parametrize(
    "topic",
    [
        "shellies/shellyem-AA/emeter/0/total",
        "shellyplus1pm-441793d69718/status/switch:0",
        "shellyplus1pm-441793d69718/events/rpc",
        "shellyplus1pm-441793d69718/meter",
        "tele/plug/SENSOR",
        "stat/plug/STATUS10",
    ],
)
def test_what_is_malformed_where_values_stand_is_named(topic: str) -> None:
    with pytest.raises(TelegramSyntaxError):
        decode_message(topic, b'{"')


def test_a_device_with_an_address_of_its_own_may_be_renamed() -> None:
    scanner = DeviceScanner(Memory(), "UTC", lambda: 0.0)
    payload = b'{"energy":1,"linkquality":9,"device":{"ieeeAddr":"0x00158d0001a2b3c4"}}'
    for topic in ("zigbee2mqtt/old", "zigbee2mqtt/new"):
        (telegram,) = scanner.feed(framed(topic, payload, kept=False))
        assert {one.sender for one in telegram.observations} == {""}
