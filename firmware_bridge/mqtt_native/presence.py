"""Whether devices are there, as they and their broker say it: availability topics and last wills.

zigbee      `zigbee2mqtt/<name>/availability` with `online` or `{"state": "online"}`, of that name
            alone; `zigbee2mqtt/bridge/state` likewise, of all of them. Under another base
            `<base>/bridge/state` speaks for all below it
tasmota     `tele/<device>/LWT` and `<device>/tele/LWT` with `Online` or `Offline`; where the prefix
            is left out of the full topic, `<base>/LWT`
shelly      `shellies/<device>/online` and `<device>/online` with `true` or `false`
own         `<topic>/availability` and `<topic>/online`, of all topics below; and topics that are
            configured, which speak for all: a word that is not known there is no word for online

What a broker kept of them comes again with each connection, so that nothing is remembered over one.

Sources: Zigbee2MQTT docs (MQTT topics, availability), Tasmota docs (MQTT), Shelly Gen1 and Gen2 API
references.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from firmware_bridge.driver.telegram import TelegramError
from firmware_bridge.mqtt_native.payload import mapping, parse_payload

STATES_MAX = 10_000
_WORDS = {
    True: ("online", "true", "1", "on", "connected", "available", "alive"),
    False: ("offline", "false", "0", "off", "disconnected", "unavailable", "lost", "dead"),
}
_SAYS = {word: online for online, words in _WORDS.items() for word in words}
_KEYS = ("state", "status", "online", "availability")
_ABOUT = re.compile(r"(.{1,200})/(availability|online|LWT|state)")
_BRIDGE = "/bridge"
_ZIGBEE = "zigbee2mqtt"
_TASMOTA = ("tele", "stat")
_TASMOTA_LAST = ("SENSOR", "STATE")
_SHELLY = ("status", "events")


def companions(topics: Iterable[str]) -> tuple[str, ...]:
    """The filters under which devices that publish to these topics say whether they are there."""
    found = dict.fromkeys(one for topic in topics for one in _companions(topic))
    return tuple(found)


def _companions(topic: str) -> Iterator[str]:
    parts = topic.split("/")
    below = parts[-1] == "#"  # then what it says of itself is subscribed already
    if parts[0] == _ZIGBEE:
        if below and len(parts) == 2:  # noqa: PLR2004 - everything of it
            return
        yield from () if below else (f"{topic}/availability", f"{topic}/online")
        yield f"{_ZIGBEE}{_BRIDGE}/state"
    elif len(parts) > 2 and parts[-2] in _TASMOTA:  # noqa: PLR2004 - device, tele, SENSOR
        yield "/".join([*parts[:-2], "tele", "LWT"])
    elif len(parts) > 2 and parts[-3] in _TASMOTA:  # noqa: PLR2004 - tele, device, SENSOR
        yield "/".join([*parts[:-3], "tele", parts[-2], "LWT"])
    elif len(parts) > 1 and parts[-1] in _TASMOTA_LAST:
        yield "/".join([*parts[:-1], "LWT"])
    elif parts[0] == "shellies" and len(parts) > 1:
        yield from () if parts[1] == "#" else (f"shellies/{parts[1]}/online",)
    elif len(parts) > 2 and parts[-2] in _SHELLY:  # noqa: PLR2004 - device, status, component
        yield "/".join([*parts[:-2], "online"])
    elif not below:
        yield from (f"{topic}/availability", f"{topic}/online")
        if len(parts) > 1:  # a Zigbee2MQTT whose topics begin otherwise
            yield "/".join([*parts[:-1], "bridge", "state"])


@dataclass(slots=True)
class DevicePresence:
    """Who is said to be there.

    Args:
        own: Topics that speak for everything that is subscribed to.
    """

    own: tuple[str, ...] = ()
    _states: dict[str, bool] = field(default_factory=dict)

    def forget(self) -> None:
        """A new connection: the broker tells all of it again."""
        self._states.clear()

    def on_message(self, topic: str, payload: bytes) -> bool:
        """Take a message.

        Returns:
            Whether it was about availability; else it is for the decoders.
        """
        covered = tuple(self._covered(topic))
        if not covered:
            return False
        online = _state(payload)
        if online is None and payload.strip():
            if topic not in self.own or payload.strip()[:1] == b"{":
                return False
            online = False
        for key in covered:
            self._states.pop(key, None)
            if online is not None:
                self._states[key] = online
        while len(self._states) > STATES_MAX:
            del self._states[next(iter(self._states))]
        return True

    def offline(self, topic: str) -> str | None:
        """What is said to be offline and publishes to a topic; None where nothing is."""
        parts = topic.split("/")
        above = ("/".join([*parts[:n], "#"]) for n in range(len(parts) + 1))
        found = next((key for key in (topic, *above) if self._states.get(key) is False), None)
        return None if found is None else found.removesuffix("/#")

    def _covered(self, topic: str) -> Iterator[str]:
        """The topic, or the filters, that an availability topic speaks for."""
        if topic in self.own:
            yield "#"
            return
        match = _ABOUT.fullmatch(topic)
        if match is None or (match[2] == "state" and not match[1].endswith(_BRIDGE)):
            return
        base = match[1]
        if match[2] == "state":
            yield f"{base.removesuffix(_BRIDGE)}/#"
        elif base.startswith(f"{_ZIGBEE}/"):
            yield base
        elif match[2] == "LWT":
            yield from (f"{one}/#" for one in _tasmota(base))
        else:
            yield f"{base}/#"


def _tasmota(base: str) -> tuple[str, ...]:
    """Where a Tasmota publishes and answers whose last will is at this base."""
    if (match := re.fullmatch(r"((?:.*/)?)tele/([^/]+)", base)) is not None:
        return base, f"{match[1]}stat/{match[2]}"
    if (match := re.fullmatch(r"(.+)/tele", base)) is not None:
        return base, f"{match[1]}/stat"
    return (base,)


def _state(payload: bytes) -> bool | None:
    text = payload.strip()
    if text[:1] == b"{":
        try:
            fields = mapping(parse_payload(text))
        except TelegramError:
            return None
        text = next((str(fields[key]).encode() for key in _KEYS if key in fields), b"")
    return _SAYS.get(text[:16].decode("ascii", "replace").lower())
