"""What the topics of one device have in common."""

from __future__ import annotations

import pytest

from firmware_bridge.mqtt_native.frames import device_topic
from firmware_bridge.mqtt_native.live import DeviceScanner, Memory, framed


@pytest.mark.parametrize(
    ("topics", "device"),
    [
        (("a/tele/plug/SENSOR", "a/stat/plug/STATUS10", "a/stat/plug/STATUS8"), "a/plug"),
        (("tele/plug/SENSOR", "stat/plug/STATUS10"), "plug"),
        (("plug/tele/SENSOR",), "plug"),
        (("shellies/em/emeter/0/total", "shellies/em/relay/1/power"), "shellies/em"),
        (("shop/pro/status/em:0", "shop/pro/status/emdata:0", "shop/pro/events/rpc"), "shop/pro"),
        (("meters/aa",), "meters/aa"),
    ],
)
def test_topics_of_one_device_are_one(topics: tuple[str, ...], device: str) -> None:
    assert {device_topic(topic) for topic in topics} == {device}


def test_a_device_with_an_address_of_its_own_may_be_renamed() -> None:
    scanner = DeviceScanner(Memory(), "UTC", lambda: 0.0)
    payload = b'{"energy":1,"linkquality":9,"device":{"ieeeAddr":"0x00158d0001a2b3c4"}}'
    for topic in ("zigbee2mqtt/old", "zigbee2mqtt/new"):
        (telegram,) = scanner.feed(framed(topic, payload, kept=False))
        assert {one.sender for one in telegram.observations} == {""}
