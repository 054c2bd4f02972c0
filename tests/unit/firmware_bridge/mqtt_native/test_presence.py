"""What is present, what a broker had kept, and who is offline: without a broker."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from firmware_bridge.driver.telegram import Observation
from firmware_bridge.mqtt_native.frames import decode_message
from firmware_bridge.mqtt_native.live import DeviceScanner, Memory, framed
from firmware_bridge.mqtt_native.presence import DevicePresence, companions

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SENSOR = b'{"Time":"2026-11-25T12:00:00","ENERGY":{"Total":1.5}}'


@dataclass
class Broker:
    """What one driver hears, connection after connection."""

    memory: Memory = field(default_factory=Memory)
    passed: float = 100.0

    def __post_init__(self) -> None:
        self.connect()

    def connect(self) -> None:
        self.scanner = DeviceScanner(self.memory, "UTC", lambda: self.passed)

    def live(self, topic: str, payload: bytes) -> list[Observation]:
        return self._hear(topic, payload, kept=False)

    def kept(self, topic: str, payload: bytes) -> list[Observation]:
        return self._hear(topic, payload, kept=True)

    def _hear(self, topic: str, payload: bytes, *, kept: bool) -> list[Observation]:
        found = list(self.scanner.feed(framed(topic, payload, kept=kept)))
        assert [one.error for one in found if one.error] == []
        return [value for one in found for value in one.observations]


def plug(energy: float, seen: datetime | str | None = None) -> bytes:
    stamp = seen.isoformat() if isinstance(seen, datetime) else seen
    return json.dumps({"energy": energy} | ({"last_seen": stamp} if stamp else {})).encode()


OFFLINE = [
    ("zigbee2mqtt/plug/availability", b"offline", "zigbee2mqtt/plug", plug(1)),
    ("zigbee2mqtt/plug/availability", b'{"state":"offline"}', "zigbee2mqtt/plug", plug(1)),
    ("zigbee2mqtt/plug/online", b"false", "zigbee2mqtt/plug", plug(1)),
    ("zigbee2mqtt/a b/availability", b"offline", "zigbee2mqtt/a b", plug(1)),
    ("zigbee2mqtt/floor/plug/availability", b"offline", "zigbee2mqtt/floor/plug", plug(1)),
    ("zigbee2mqtt/bridge/state", b"offline", "zigbee2mqtt/plug", plug(1)),
    ("zigbee2mqtt/bridge/state", b'{"state": "offline"}', "zigbee2mqtt/plug", plug(1)),
    ("tele/plug/LWT", b"Offline", "tele/plug/SENSOR", SENSOR),
    ("tele/plug/LWT", b"Offline", "stat/plug/STATUS8", b'{"StatusSNS":' + SENSOR + b"}"),
    ("home/tele/plug/LWT", b"Offline", "home/tele/plug/SENSOR", SENSOR),
    ("plug/tele/LWT", b"Offline", "plug/tele/SENSOR", SENSOR),
    ("tasmota/plug/LWT", b"Offline", "tasmota/plug/SENSOR", SENSOR),
    ("shellies/em/online", b"false", "shellies/em/emeter/0/total", b"1234.5"),
    ("plus/online", b"false", "plus/status/switch:0", b'{"aenergy":{"total":5.5}}'),
    ("plus/online", b"false", "plus/events/rpc",
     b'{"src":"plus","params":{"ts":1764072000,"switch:0":{"aenergy":{"total":5.5}}}}'),
    ("m/1/availability", b"offline", "m/1",
     b'{"v":1,"manufacturer":"A","serial":"1","readings":[{"obis":"1.8.0","value":1,"unit":"kWh"}]}'),
]  # fmt: skip


@pytest.mark.parametrize(("about", "word", "topic", "payload"), OFFLINE)
def test_who_is_said_to_be_offline_gives_nothing_until_it_is_back(
    about: str, word: bytes, topic: str, payload: bytes
) -> None:
    broker = Broker()
    assert broker.kept(about, word) == []
    assert broker.live(topic, payload) == []
    assert len(broker.memory.offline()) == 1
    broker.passed += 60
    back = word.replace(b"offline", b"online").replace(b"Off", b"On").replace(b"false", b"true")
    assert broker.live(about, back) == []
    assert broker.memory.offline() == ()
    assert len(broker.live(topic, payload)) >= 1


@pytest.mark.parametrize(("about", "word", "topic", "payload"), OFFLINE)
def test_what_came_just_before_the_word_that_it_is_back_counts(
    about: str, word: bytes, topic: str, payload: bytes
) -> None:
    broker = Broker()
    broker.kept(about, word)
    broker.live(topic, payload)
    broker.passed += 2
    back = word.replace(b"offline", b"online").replace(b"Off", b"On").replace(b"false", b"true")
    assert len(broker.live(about, back)) >= 1
    assert broker.live(about, back) == []


@pytest.mark.parametrize(("about", "topic"), [(case[0], case[2]) for case in OFFLINE])
def test_its_topic_is_subscribed_beside_the_one_that_measures(about: str, topic: str) -> None:
    assert about in companions([topic])


@pytest.mark.parametrize(
    ("topic", "beside"),
    [
        ("#", ()),
        ("zigbee2mqtt/#", ()),
        ("zigbee2mqtt/floor/#", ("zigbee2mqtt/bridge/state",)),
        ("shellies/#", ()),
        ("shellies/em/#", ("shellies/em/online",)),
        ("shellies/em/emeter/#", ("shellies/em/online",)),
        ("tele/+/SENSOR", ("tele/+/LWT",)),
        ("stat/plug/#", ("tele/plug/LWT",)),
        ("+/tele/SENSOR", ("+/tele/LWT",)),
        ("+/events/rpc", ("+/online",)),
        ("plus/status/#", ("plus/online",)),
        ("tasmota/plug/SENSOR", ("tasmota/plug/LWT",)),
    ],
)
def test_filters_have_companions_too(topic: str, beside: tuple[str, ...]) -> None:
    assert companions([topic, topic]) == beside


def test_one_device_speaks_for_no_other() -> None:
    broker = Broker()
    broker.kept("zigbee2mqtt/plug/availability", b"offline")
    broker.kept("tele/plug/LWT", b"Offline")
    broker.kept("shellies/em/online", b"false")
    assert broker.live("zigbee2mqtt/plug2", plug(1))
    assert broker.live("zigbee2mqtt/plug/socket", plug(1))
    assert broker.live("tele/plug2/SENSOR", SENSOR)
    assert broker.live("shellies/em2/emeter/0/total", b"1")


def test_own_topics_speak_for_everything_and_words_of_others_are_messages() -> None:
    presence = DevicePresence(("plant/lwt",))
    assert presence.on_message("plant/lwt", b"Offline")
    assert presence.offline("any/topic") is not None
    assert presence.on_message("plant/lwt", b"online")
    assert presence.offline("any/topic") is None
    # A word that is not known is no word for online; a document without one is for the decoders.
    assert presence.on_message("plant/lwt", b"maybe")
    assert presence.offline("any/topic") is not None
    assert not presence.on_message("plant/lwt", b'{"energy": 1}')
    assert not presence.on_message("a/state", b"offline")
    assert presence.on_message("plant/lwt", b"")
    assert presence.offline("any/topic") is None


def test_a_kept_value_without_a_time_is_passed_over_and_named() -> None:
    broker = Broker()
    assert broker.kept("zigbee2mqtt/plug", plug(80.747)) == []
    assert str(broker.memory.passed_over) == "zigbee2mqtt/plug"
    assert [o.kept for o in broker.live("zigbee2mqtt/plug", plug(80.747))] == [False]
    assert broker.memory.passed_over is None
    # Each connection brings it again.
    broker.connect()
    assert broker.kept("zigbee2mqtt/plug", plug(80.747)) == []


def test_a_kept_value_with_a_time_is_marked() -> None:
    broker = Broker()
    (value,) = broker.kept("zigbee2mqtt/plug", plug(80.747, "2024-04-06T15:44:10.643Z"))
    assert (value.kept, value.meter_time) == (
        True,
        datetime(2024, 4, 6, 15, 44, 10, 643_000, tzinfo=UTC),
    )
    (value,) = broker.kept("tele/plug/SENSOR", SENSOR)
    assert (value.kept, value.meter_time) == (True, NOON)


def test_a_deleted_message_says_nothing() -> None:
    broker = Broker()
    assert broker.live("zigbee2mqtt/plug", b"") == []
    broker.kept("zigbee2mqtt/plug/availability", b"offline")
    broker.live("zigbee2mqtt/plug/availability", b"")
    assert broker.live("zigbee2mqtt/plug", plug(1))


@pytest.mark.parametrize("seen", ["N/A", None, "yesterday"])
def test_a_last_seen_that_names_no_instant_is_none(seen: str | None) -> None:
    (value,) = Broker().live("zigbee2mqtt/plug", plug(1, seen))
    assert (value.kept, value.meter_time) == (False, None)


def test_last_seen_that_moves_on_with_the_messages_is_of_a_device_that_speaks() -> None:
    broker, wrong = Broker(), NOON - timedelta(days=700)
    kinds = []
    for number in range(4):
        seen = wrong + number * timedelta(minutes=5)
        kinds += [o.kept for o in broker.live("zigbee2mqtt/plug", plug(1, seen))]
        broker.passed += 300
    assert kinds == [True, False, False, False]


def test_what_the_bridge_remembers_when_it_starts_is_taken_as_kept() -> None:
    broker = Broker()
    for minutes in (0, 5):
        broker.live("zigbee2mqtt/plug", plug(1, NOON + timedelta(minutes=minutes)))
        broker.passed += 300
    # It spoke until 12:30 while nobody listened, and the bridge is started at 14:05.
    broker.passed += 7_200
    again = broker.live("zigbee2mqtt/plug", plug(2, NOON + timedelta(minutes=30)))
    broker.passed += 60
    again += broker.live("zigbee2mqtt/plug", plug(2, NOON + timedelta(minutes=30)))
    assert [o.kept for o in again] == [True, True]


def test_a_last_will_is_forgotten_with_the_connection_that_told_it() -> None:
    broker = Broker()
    broker.kept("tele/plug/LWT", b"Offline")
    broker.connect()
    assert broker.live("tele/plug/SENSOR", SENSOR)
    broker.kept("tele/plug/LWT", b"Offline")
    assert broker.live("tele/plug/SENSOR", SENSOR) == []


def test_no_flood_of_names_is_remembered() -> None:
    broker = Broker()
    for number in range(12_000):
        broker.kept(f"shellies/{number}/online", b"false")
    assert len(broker.memory.presence._states) == 10_000


@pytest.mark.parametrize(
    ("word", "online"),
    [
        (b"0", False),
        (b"1", True),
        (b"off", False),
        (b"ON", True),
        (b'{"status":"offline"}', False),
        (b'{"status":"online"}', True),
        (b'{"online":false}', False),
        (b'{"online":true}', True),
        (b'{"state":"offline"}', False),
    ],
)
def test_the_usual_spellings_are_known(word: bytes, *, online: bool) -> None:
    presence = DevicePresence(("plant/lwt",))
    assert presence.on_message("plant/lwt", word)
    assert (presence.offline("any/topic") is None) is online


def test_a_last_seen_without_an_offset_is_in_the_gateways_zone() -> None:
    payload = b'{"energy":80.747,"last_seen":"2024-04-06T17:44:10"}'
    (first, *_) = decode_message("zigbee2mqtt/plug", payload, "Europe/Madrid")
    assert first.meter_time == datetime(2024, 4, 6, 15, 44, 10, tzinfo=UTC)
