"""One channel that cannot be validated stops no other's night, and long changes are cut up."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from central.domain.metering.block import DayBlock
from central.domain.vee.day import DayReadings, JudgedDay, Thresholds
from central.domain.vee.regular import regular_days
from central.domain.vee.validate import measure_day
from central.service.ports.registry import PointChannelRecord, PointRecord
from central.service.ports.validation import PointChannelId
from central.service.validation import measured_days
from central.service.validation.tally import Tally
from central.service.validation.validate import Validate
from firmware_bridge.contract.interval import day_start
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Reading
from tests.contract.billing.test_closing import DAY, STEP, blocks, counted, installed, night, opened
from tests.support.books import Utility
from tests.support.ingest import Edge, channel

SINCE = date(2026, 9, 1)
POINTS = 5
FAILED = "VALIDATION_FAILED"


async def points(utility: Utility, days: int) -> Edge:
    """Five points with a meter each that counted for some days, until the last night."""
    edge = await opened(utility, SINCE)
    for number in range(2, POINTS + 1):
        await add_point(utility, number)
    utility.now = night(SINCE + days * DAY)
    for number in range(1, POINTS + 1):
        serial = f"S{number}"
        await utility.deliver(edge, counted(SINCE, SINCE + days * DAY, SINCE, serial))
    return edge


async def add_point(utility: Utility, number: int, zone: str = "Europe/Madrid") -> None:
    await utility.enrol.service_point(
        PointRecord(f"SP-{number}", zone), PointChannelRecord(ACTIVE_IMPORT, 900, Unit.WATT_HOUR)
    )
    there = replace(installed(SINCE, f"S{number}"), point=f"SP-{number}")
    await utility.enrol.installation(there)


class Poison:
    """Validation of chosen days fails in a way that nobody foresaw."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *days: tuple[int, date]) -> None:
        self.days = set(days)
        self.asked = 0
        monkeypatch.setattr(measured_days, "measure_day", self)
        monkeypatch.setattr(measured_days, "regular_days", self.regular)

    def regular(self, asked: Sequence[DayReadings], limits: Thresholds) -> dict[int, JudgedDay]:
        found = regular_days(asked, limits)
        return {
            number: day
            for number, day in found.items()
            if (day.channel.id, day.day) not in self.days
        }

    def __call__(self, channel: Any, day: date, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it takes
        if (channel.id, day) in self.days:
            self.asked += 1
            message = "nobody thought of this"
            raise ZeroDivisionError(message)
        return measure_day(channel, day, *given, **named)


async def failed(utility: Utility) -> list[tuple[int, date]]:
    return [
        (number, one.day)
        for number in range(1, POINTS + 1)
        for one in await utility.validation.open_findings(PointChannelId(number))
        if one.code == FAILED
    ]


async def closed(utility: Utility, number: int) -> dict[date, DayBlock]:
    return await blocks(utility, SINCE, SINCE + 60 * DAY, PointChannelId(number))


async def test_a_channel_that_cannot_be_closed_stops_no_other(
    utility: Utility, monkeypatch: pytest.MonkeyPatch
) -> None:
    await points(utility, 10)
    poison = Poison(monkeypatch, (2, SINCE), (4, SINCE + 6 * DAY))
    worker = Validate(utility.validation, lambda: utility.now)
    tally = await worker.until_idle()
    assert tally.closed == 3 * 10 + 6
    assert await failed(utility) == [(2, SINCE), (4, SINCE + 6 * DAY)]
    assert [len(await closed(utility, number)) for number in (1, 2, 3, 4, 5)] == [10, 0, 10, 6, 10]
    # It is tried a few times, and then left alone for hours, by whoever works on.
    for _ in range(20):
        await worker.until_idle()
    assert poison.asked <= 2 * 2 * 2 * 3
    assert await failed(utility) == [(2, SINCE), (4, SINCE + 6 * DAY)]
    # The second night closes the others' day.
    utility.now = night(SINCE + 11 * DAY)
    assert (await worker.until_idle()).closed == 3
    assert await failed(utility) == [(2, SINCE), (4, SINCE + 6 * DAY)]
    # Once the fault is gone, so is the finding.
    poison.days.clear()
    utility.now += timedelta(hours=7)
    assert (await worker.until_idle()).closed == 11 + 5
    assert await failed(utility) == []
    assert [len(await closed(utility, number)) for number in (1, 2, 3, 4, 5)] == [11] * 5


async def test_a_changed_day_that_cannot_be_validated_stops_no_other_change(
    utility: Utility, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = await opened(utility, SINCE)
    for number in (2, 3):
        await add_point(utility, number)
    utility.now = night(SINCE + 10 * DAY)
    await utility.validate()
    poison = Poison(monkeypatch, (2, SINCE + 4 * DAY))
    for number in (1, 2, 3):
        readings = counted(SINCE, SINCE + 10 * DAY, SINCE, f"S{number}")
        await utility.deliver(edge, readings)
    worker = Validate(utility.validation, lambda: utility.now)
    await worker.until_idle()
    for number in (1, 3):
        assert [one.missing for one in (await closed(utility, number)).values()] == [0] * 10
    assert await failed(utility) == [(2, SINCE + 4 * DAY)]
    stubborn = await closed(utility, 2)
    assert [day for day, one in stubborn.items() if one.missing] == [SINCE + 4 * DAY]
    poison.days.clear()
    utility.now += timedelta(hours=7)
    await worker.until_idle()
    assert await failed(utility) == []
    assert not any(one.missing for one in (await closed(utility, 2)).values())


@pytest.fixture
def moon(tmp_path: Path) -> Iterator[str]:
    """A time zone that Python has and no server has."""
    places = (Path(one) / "Europe" / "Madrid" for one in zoneinfo.TZPATH)
    source = next(filter(Path.exists, places), None)
    if source is None:
        pytest.skip("this machine has no file for Europe/Madrid")
    name = "Moon/Tranquility"
    (tmp_path / "Moon").mkdir()
    (tmp_path / name).write_bytes(source.read_bytes())
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path), *before])
    yield name
    zoneinfo.reset_tzpath(before)
    zoneinfo.ZoneInfo.clear_cache(only_keys=[name])


async def test_a_zone_that_the_server_does_not_know_stops_no_night(
    utility: Utility, moon: str
) -> None:
    edge = await opened(utility, SINCE)
    await add_point(utility, 2, moon)
    await add_point(utility, 3)
    for nights in (10, 11):
        utility.now = night(SINCE + nights * DAY)
        for serial in ("S1", "S2", "S3"):
            readings = counted(SINCE, SINCE + nights * DAY, SINCE, serial)
            await utility.deliver(edge, readings)
        await utility.validate()
        for number in (1, 2, 3):
            found = await closed(utility, number)
            assert len(found) == nights
            assert not any(one.missing for one in found.values())
    assert (await utility.validate()).idle
    await utility.enrol.installation(
        replace(installed(SINCE, "S2", SINCE + 12 * DAY), point="SP-2")
    )
    utility.now = night(SINCE + 20 * DAY)
    await utility.validate()
    assert len(await closed(utility, 2)) == 12


async def test_a_late_correction_over_three_years_is_done_in_pieces(utility: Utility) -> None:
    since = date(2024, 1, 1)
    edge = await opened(utility, since)
    end = since + 1096 * DAY
    utility.now = night(since + 30 * DAY)
    await utility.deliver(edge, daily(since, since + 30 * DAY))
    utility.now = night(end)
    await utility.deliver(edge, daily(end - 900 * DAY, end))
    await utility.validate()
    await utility.deliver(edge, daily(since, end))
    await utility.validate()
    # Another meter's point waits behind, and is not kept waiting.
    out = installed(since, end=end - DAY)
    await utility.enrol.installation(out)
    worker = Validate(utility.validation, lambda: utility.now)
    steps: list[Tally] = []
    while not (steps and steps[-1].idle):
        # A worker that dies after any transaction leaves the rest to the next.
        worker = Validate(utility.validation, lambda: utility.now) if len(steps) % 3 else worker
        steps.append(await worker.step())
    assert max(one.days for one in steps) <= 62
    assert sum(one.days for one in steps) >= 1096
    assert sum(one.days for one in steps) <= 1096 + 4 * len(steps)


def daily(first: date, end: date) -> list[Reading]:
    """The register at midnight of some days."""
    of = channel("S1")
    days = [first + DAY * number for number in range((end - first).days + 1)]
    return [
        Reading(of, day_start(day, "Europe/Madrid"), 1000 + 96 * STEP * day.toordinal(), 0)
        for day in days
    ]
