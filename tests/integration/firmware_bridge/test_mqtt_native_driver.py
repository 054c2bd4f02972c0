"""Devices that publish to a real broker, read by their driver."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import aiomqtt
import pytest

from central.adapters.embedded.broker import EmbeddedBroker
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.driver.interface import (
    DriverSettingError,
    MeterConnectionError,
    MeterOfflineError,
    MeterTimeoutError,
    ReadOut,
)
from firmware_bridge.mqtt_native.driver import MqttNativeDriver
from firmware_bridge.mqtt_native.live import DeviceScanner, Memory, framed


async def publish(port: int, topic: str, payload: bytes) -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.publish(topic, payload, qos=1)


async def heard(driver: MqttNativeDriver, port: int, topic: str, payload: bytes) -> ReadOut:
    """Publish until it is read: from then on nothing is missed, however busy the machine is."""
    async with asyncio.timeout(60):
        while True:
            await publish(port, topic, payload)
            with suppress(MeterTimeoutError, MeterConnectionError):
                return await driver.read()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the broker takes its time
            await asyncio.sleep(0.01)


def kept(driver: MqttNativeDriver) -> list[str]:
    """What came and was not read yet."""
    return [str(one.value.quantity) for one in driver._kept.values()]


async def test_what_a_device_publishes_is_read(mosquitto: EmbeddedBroker) -> None:
    settings = {
        "host": "127.0.0.1",
        "port": mosquitto.port,
        "topics": ["shellies/meter-1/#"],
        "timeout_s": 5,
    }
    async with MqttNativeDriver.from_settings(settings) as driver:
        reading = asyncio.create_task(driver.read())
        while not reading.done():
            await publish(mosquitto.port, "shellies/meter-1/emeter/0/total", b"1234.5")
            await publish(mosquitto.port, "shellies/meter-2/emeter/0/total", b"9")
            await asyncio.sleep(0.05)
        out = await reading
        assert (out.meter.manufacturer, out.meter.serial) == ("Shelly", "meter-1")
        assert {v.obis: str(v.quantity) for v in out.values} == {ACTIVE_IMPORT: "1234.5 Wh"}


async def test_two_devices_under_a_wildcard_are_no_exchange(mosquitto: EmbeddedBroker) -> None:
    settings = {
        "host": "127.0.0.1",
        "port": mosquitto.port,
        "topics": ["shellies/+/emeter/0/total"],
    }
    driver = MqttNativeDriver.from_settings({**settings, "timeout_s": 5})
    async with driver:
        for name in ("plug-1", "plug-2", "plug-1"):
            out = await heard(driver, mosquitto.port, f"shellies/{name}/emeter/0/total", b"7")
            assert out.meter.serial == name
            assert out.replaced is None
            assert out.several


def native(serial: str, *readings: str) -> bytes:
    said = ",".join(readings or ['{"obis":"1-0:1.8.0","value":"5","unit":"Wh"}'])
    return f'{{"v":1,"serial":"{serial}","readings":[{said}]}}'.encode()


async def test_two_devices_by_turns_on_one_topic_are_named_once_and_both_are_read(
    mosquitto: EmbeddedBroker,
) -> None:
    settings = {"host": "127.0.0.1", "port": mosquitto.port, "topics": ["hall"], "timeout_s": 5}
    async with MqttNativeDriver.from_settings(settings) as driver:
        outs = [
            await heard(driver, mosquitto.port, "hall", native(serial))
            for serial in ("71", "72", "71", "72", "71", "72")
        ]
    assert [one.meter.serial for one in outs] == ["71", "72", "71", "72", "71", "72"]
    # The second may have come in place of the first, until that is back.
    assert [one.replaced is not None for one in outs] == [False, True, False, False, False, False]
    assert [one.several for one in outs] == [False, False, True, True, True, True]
    (named,) = [said for one in outs for said in one.refused]
    assert named.code == "METER_SEVERAL"
    assert "unknown/71 and unknown/72" in named.message
    assert "Write a table for each" in named.message


async def test_several_exact_topics_are_no_exchange(mosquitto: EmbeddedBroker) -> None:
    settings = {"host": "127.0.0.1", "port": mosquitto.port, "topics": ["a", "b"], "timeout_s": 5}
    async with MqttNativeDriver.from_settings(settings) as driver:
        for topic, serial in (("a", "71"), ("b", "72"), ("a", "71")):
            out = await heard(driver, mosquitto.port, topic, native(serial))
            assert (out.meter.serial, out.replaced, out.several) == (serial, None, True)
            assert out.refused == ()


async def test_a_message_without_serial_beside_a_good_one_is_counted(
    mosquitto: EmbeddedBroker,
) -> None:
    settings = {"host": "127.0.0.1", "port": mosquitto.port, "topics": ["t/#"], "timeout_s": 5}
    async with MqttNativeDriver.from_settings(settings) as driver:
        await heard(driver, mosquitto.port, "t/a", native("7"))
        before = driver.bad_frames
        await publish(mosquitto.port, "t/b", native(""))
        wrong = '{"obis":"1-0:2.8.0","value":"5","unit":"league"}'
        good = '{"obis":"1-0:1.8.0","value":"6","unit":"Wh"}'
        await publish(mosquitto.port, "t/a", native("7", wrong, good))
        await until(lambda: driver.bad_frames == before + 2)
        out = await driver.read()
        assert [str(value.quantity) for value in out.values] == ["6 Wh"]
        unnamed, unread = sorted(out.refused, key=lambda said: said.code)
        assert (unnamed.code, unnamed.sender) == ("METER_UNNAMED", "t/b")
        assert "Set `serial`" in unnamed.message
        assert (unread.code, unread.sender) == ("TELEGRAM_SYNTAX", "t/a")
        assert "Reading 1 (1-0:2.8.0): The unit 'league' is unknown." in unread.message


async def test_what_is_malformed_beside_a_reading_is_counted_by_its_reason(
    mosquitto: EmbeddedBroker,
) -> None:
    settings = {"host": "127.0.0.1", "port": mosquitto.port, "topics": ["t/#"], "timeout_s": 5}
    driver = MqttNativeDriver.from_settings(settings)
    async with driver:
        await heard(driver, mosquitto.port, "t/a", native("7"))
        before = driver.bad_frames
        await publish(mosquitto.port, "t/a", b'{"v":1,')
        await publish(mosquitto.port, "t/b", b'{"v":1,')
        await publish(mosquitto.port, "t/b", b'{"power":1}')
        await publish(mosquitto.port, "t/b", b'{"power":2}')
        await until(lambda: driver.bad_frames == before + 4)
        out = await heard(driver, mosquitto.port, "t/a", native("7"))
        assert {(item.code, item.sender): item.count for item in out.refused} == {
            ("TELEGRAM_SYNTAX", "t/a"): 1,
            ("TELEGRAM_SYNTAX", "t/b"): 1,
            ("TELEGRAM_UNSUPPORTED", "t/b"): 2,
        }
        assert all(f"Topic {item.sender}: " in item.message for item in out.refused)
        assert b'"power":2' in next(i.raw for i in out.refused if i.count == 2)
        for number in range(60):
            await publish(mosquitto.port, f"t/{number}", b'{"v":1,')
        await until(lambda: driver.bad_frames == before + 64)
        many = (await heard(driver, mosquitto.port, "t/a", native("7"))).refused
        assert (len(many), many[-1].count) == (51, 10)
        assert "Of further topics" in many[-1].message
        assert (await heard(driver, mosquitto.port, "t/a", native("7"))).refused == ()


async def test_what_came_long_ago_is_no_present_value(mosquitto: EmbeddedBroker) -> None:
    settings = {
        "host": "127.0.0.1",
        "port": mosquitto.port,
        "topics": ["shellies/meter-1/#"],
        "timeout_s": 0.3,
        "fresh_s": 100,
    }
    async with MqttNativeDriver.from_settings(settings) as driver:
        topic = "shellies/meter-1/emeter/0/total"
        assert len((await heard(driver, mosquitto.port, topic, b"1")).values) == 1
        for age_s in (50, 101):
            await publish(mosquitto.port, topic, b"%d" % age_s)
            await until(lambda age_s=age_s: kept(driver) == [f"{age_s} Wh"])  # type: ignore[misc]
            for register, one in driver._kept.items():
                driver._kept[register] = replace(one, at=one.at - age_s)
            if age_s == 50:
                assert len((await driver.read()).values) == 1
        with pytest.raises(MeterTimeoutError):
            await driver.read()


async def test_what_a_broker_kept_takes_no_place_of_what_came_and_was_not_read(
    mosquitto: EmbeddedBroker,
) -> None:
    settings = {"host": "127.0.0.1", "port": mosquitto.port, "topics": ["tele/a/SENSOR"]}
    payload = b'{"Time":"2026-11-25T12:00:00","ENERGY":{"Total":1.5}}'
    async with MqttNativeDriver.from_settings(settings | {"timeout_s": 0.5}) as driver:
        await heard(driver, mosquitto.port, "tele/a/SENSOR", payload.replace(b"1.5", b"1.4"))
        await publish(mosquitto.port, "tele/a/SENSOR", payload)
        await until(lambda: kept(driver) == ["1500 Wh"])
        await asyncio.sleep(0.3)
        # As a broker hands it over again to whoever connects anew.
        (again,) = DeviceScanner(Memory(), "UTC", time.monotonic).feed(
            framed("tele/a/SENSOR", payload, kept=True)
        )
        driver._keep(again)
        (value,) = (await driver.read()).values
        assert not value.kept
        assert value.age_s >= 0.3
        driver._keep(again)
        (value,) = (await driver.read()).values
        assert value.kept


async def test_what_came_before_a_device_went_offline_is_present_no_more_unless_it_has_a_time(
    mosquitto: EmbeddedBroker,
) -> None:
    settings = {"host": "127.0.0.1", "port": mosquitto.port, "topics": ["tele/+/SENSOR"]}
    async with MqttNativeDriver.from_settings(settings | {"timeout_s": 0.5}) as driver:
        await heard(driver, mosquitto.port, "tele/c/SENSOR", b'{"ENERGY":{"Total":1.5}}')
        timed = b'{"Time":"2026-11-25T12:00:00","ENERGY":{"Total":1.5}}'
        await publish(mosquitto.port, "tele/a/SENSOR", timed)
        await publish(mosquitto.port, "tele/b/SENSOR", b'{"ENERGY":{"Total":1.5}}')
        for name in "ab":
            await publish(mosquitto.port, f"tele/{name}/LWT", b"Offline")
        await until(lambda: driver._memory.offline() == ("tele/a", "tele/b"))
        out = await driver.read()
        assert [value.meter.serial for value in out.values if value.meter.serial != "c"] == ["a"]
        assert out.offline == ("tele/a", "tele/b")
        with pytest.raises(MeterOfflineError, match="tele/a, tele/b"):
            await driver.read()


async def test_own_availability_topics_and_none_at_all(mosquitto: EmbeddedBroker) -> None:
    settings = {
        "host": "127.0.0.1",
        "port": mosquitto.port,
        "topics": ["tele/a/SENSOR"],
        "timeout_s": 0.5,
    }
    for availability, offline in ((["plant/lwt"], True), ([], False)):
        given = settings | {"availability": availability}
        async with MqttNativeDriver.from_settings(given) as driver:
            await heard(driver, mosquitto.port, "tele/a/SENSOR", b'{"ENERGY":{"Total":1.4}}')
            await publish(mosquitto.port, "plant/lwt", b"Offline")
            await publish(mosquitto.port, "tele/a/LWT", b"Offline")
            await publish(mosquitto.port, "tele/a/SENSOR", b'{"ENERGY":{"Total":1.5}}')
            if offline:
                await until(driver._memory.offline)
                with pytest.raises(MeterOfflineError):
                    await driver.read()
            else:
                await until(lambda driver=driver: kept(driver) == ["1500 Wh"])  # type: ignore[misc]
                assert (await driver.read()).values


async def test_silence_and_a_missing_broker_are_named(mosquitto: EmbeddedBroker) -> None:
    place = {"host": "127.0.0.1", "port": mosquitto.port, "timeout_s": 0.5}
    settings = place | {"topics": ["tele/a/SENSOR"]}
    async with MqttNativeDriver.from_settings(settings) as driver:
        await heard(driver, mosquitto.port, "tele/a/SENSOR", b'{"ENERGY":{"Total":1.4}}')
        await publish(mosquitto.port, "tele/a/SENSOR", b'{"ENERGY":{"Total":1.5}}')
        await until(lambda: kept(driver) == ["1500 Wh"])
        driver._kept.clear()
        with pytest.raises(MeterTimeoutError):
            await driver.read()
    async with MqttNativeDriver.from_settings(settings | {"port": 1}) as driver:
        with pytest.raises(MeterConnectionError):
            await driver.read()


@pytest.mark.parametrize("settings", [{}, {"host": "a"}, {"host": "a", "topics": []}])
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(DriverSettingError):
        MqttNativeDriver.from_settings(settings)
