"""Devices that publish to a broker."""

from __future__ import annotations

import asyncio

from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.driver.interface import MeterIdentity, MeterValue
from firmware_bridge.driver.toml_table import Setting
from firmware_bridge.mqtt_native.driver import BrokerPlace
from firmware_bridge.mqtt_native.values import MessageScanner
from firmware_bridge.probe.finding import Found, ReportProgress

_TO_ADD = "Add the password of that user."


async def listen_at(
    broker: BrokerPlace, listen_s: float, timeout_s: float, report: ReportProgress
) -> list[Found]:
    """The devices that publish within a time, each with the topics that carry its values.

    Args:
        broker: Where, and the topic filters to listen on.
        listen_s: How long. [s]
        timeout_s: Longest wait for the broker. [s]
        report: Says how far it is.

    Raises:
        MeterConnectionError: The broker is not there or refuses.
    """
    report(f"Listening for {listen_s:g} s at the broker {broker} ...")
    seen: dict[MeterIdentity, dict[str, dict[object, MeterValue]]] = {}
    line = await broker.open(timeout_s)
    scanner = MessageScanner()
    try:
        async with asyncio.timeout(listen_s):
            while True:
                for telegram in scanner.feed(await line.receive()):
                    topic = telegram.raw.partition(b" ")[0].decode("utf-8", "replace")
                    for item in telegram.observations:
                        if (value := item.meter_value()) is not None:
                            topics = seen.setdefault(value.meter, {})
                            topics.setdefault(topic, {})[value.obis] = value
    except (TimeoutError, DeviceError):
        pass  # the time is over, or the broker went; what was heard counts
    finally:
        line.close()
    return _tables(broker, seen)


def _tables(
    broker: BrokerPlace, seen: dict[MeterIdentity, dict[str, dict[object, MeterValue]]]
) -> list[Found]:
    """One table for each device; meters on the same topics are read by the same one."""
    found: list[Found] = []
    covered: set[str] = set()
    for meter, topics in seen.items():
        values = tuple(value for shown in topics.values() for value in shown.values())
        settings: dict[str, Setting] = {
            "host": broker.host,
            "port": broker.port,
            "topics": sorted(topics),
        }
        notes: tuple[str, ...] = ()
        if broker.username is not None:
            settings["username"] = broker.username
            notes = (_TO_ADD,)
        if covered.isdisjoint(topics):
            found.append(Found("mqtt_native", str(broker), meter, values, settings, notes))
        covered |= set(topics)
    return found
