"""Meters that a new configuration adds, takes away, and alters in place."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import pytest

from edge_agent.config.settings import MeterSettings
from edge_agent.polling.meter_set import MeterChanges, MeterSet, check_meters, compare
from firmware_bridge.contract.interval import Interval
from firmware_bridge.driver.interface import (
    DriverSettingError,
    MeterConnectionError,
    MeterIdentity,
    ProfileMemory,
    UnknownProtocolError,
)
from tests.support.edge_clock import HandClock
from tests.support.edge_parts import NOON, Notes, Records, ScriptedDriver, read_out, settle, value


def settings(name: str, **keys: object) -> MeterSettings:
    return MeterSettings.model_validate({"name": name, "protocol": "p", "period_s": 60, **keys})


class Site:
    """A set of meters whose drivers are counted."""

    def __init__(self) -> None:
        self.notes = Notes()
        self.records = Records(self.notes)
        self.made: list[ScriptedDriver] = []
        self.has_profile = False
        self.meters = MeterSet(
            self.records.recorder, self.notes.buffer, HandClock(now=NOON), self.create
        )

    def create(self, protocol: str, keys: Mapping[str, object]) -> ScriptedDriver:
        assert protocol == "p"
        if keys.get("version") == "wrong":
            message = "There is no such version."
            raise DriverSettingError(message)
        driver = ScriptedDriver([read_out(value())], has_profile=self.has_profile)
        driver.memory = ProfileMemory(MeterIdentity("EAS", "1"), 900, Interval(NOON, NOON))
        self.made.append(driver)
        return driver

    def is_caught_up(self) -> bool:
        return self.meters.caught_up

    @property
    def names(self) -> list[str]:
        return [meter.name for meter in self.meters.meters]


def test_a_change_names_who_comes_goes_and_differs() -> None:
    old = [settings("a"), settings("b"), settings("c")]
    new = [settings("b", period_s=300), settings("c"), settings("d")]
    change = compare(old, new)
    assert change == MeterChanges(added=("d",), removed=("a",), changed=("b",))
    assert change
    assert not compare(old, old)


def test_a_meter_that_cannot_be_as_configured_is_refused_by_name() -> None:
    with pytest.raises(UnknownProtocolError):
        check_meters([settings("a")])


async def test_meters_come_and_go_with_their_drivers() -> None:
    site = Site()
    await site.meters.change([settings("a"), settings("b")])
    assert site.names == ["a", "b"]
    assert [driver.is_open for driver in site.made] == [True, True]
    change = await site.meters.change([settings("b"), settings("c")])
    assert change == MeterChanges(added=("c",), removed=("a",))
    assert site.names == ["b", "c"]
    assert [driver.is_open for driver in site.made] == [False, True, True]
    await site.meters.close()
    assert site.names == []
    assert not any(driver.is_open for driver in site.made)


async def test_what_the_agent_decides_is_altered_in_place() -> None:
    site = Site()
    await site.meters.change([settings("a")])
    (meter,) = site.meters.meters
    await site.meters.change([settings("a", period_s=300, capacity_w=4_000)])
    assert site.meters.meters == [meter]
    assert (meter.period_s, meter.capacity_w) == (300, 4_000)
    assert len(site.made) == 1


async def test_a_drivers_own_keys_make_a_new_driver() -> None:
    site = Site()
    await site.meters.change([settings("a", version=1)])
    site.meters.meters[0].bad_frames = 3
    await site.meters.change([settings("a", version=2)])
    assert [driver.is_open for driver in site.made] == [False, True]
    site.meters.meters[0].bad_frames = 2
    assert site.meters.bad_frames == 5


async def test_a_refused_change_changes_nothing() -> None:
    site = Site()
    await site.meters.change([settings("a")])
    with pytest.raises(DriverSettingError):
        await site.meters.change([settings("b"), settings("c", version="wrong")])
    assert site.names == ["a"]
    assert site.made[0].is_open


async def test_a_meter_that_does_not_close_keeps_no_other_from_it() -> None:
    site = Site()
    await site.meters.change([settings("a"), settings("b")])
    site.made[0].close_failure = MeterConnectionError("It hangs.")
    await site.meters.close()
    assert not site.made[1].is_open


async def test_a_read_under_way_may_end_before_its_meter_leaves() -> None:
    site = Site()
    await site.meters.change([settings("a")])
    (meter,) = site.meters.meters
    read = asyncio.create_task(asyncio.sleep(0.01, "done"))
    meter.under_way.add(read)
    await site.meters.change([])
    assert read.result() == "done"


async def test_a_read_of_a_silent_meter_is_given_up() -> None:
    site = Site()
    await site.meters.change([settings("a")])
    (meter,) = site.meters.meters
    meter.answering = False
    read = asyncio.create_task(asyncio.sleep(3_600))
    meter.under_way.add(read)
    await site.meters.change([])
    assert read.cancelled()


async def test_load_profiles_are_caught_up_on_while_the_set_runs() -> None:
    site = Site()
    site.has_profile = True
    await site.meters.change([settings("a")])
    assert not site.is_caught_up()
    run = asyncio.create_task(site.meters.run())
    await settle()
    assert site.is_caught_up()
    await site.meters.change([settings("a", load_profile=False), settings("b")])
    await settle()
    assert site.is_caught_up()
    assert [meter.current for meter in site.meters.meters] == [False, True]
    await site.meters.change([settings("a")])
    await settle()
    assert [meter.current for meter in site.meters.meters] == [True]
    run.cancel()
    with suppress(asyncio.CancelledError):
        await run
