"""Figures of use, profiles, changes and losses, each against what the meters were made to count."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from central.adapters.documents.invoice import render_invoice
from central.adapters.timescale.consumption.consumption import TimescaleConsumption
from central.api.app import create_app
from central.api.settings import WebSettings
from central.cli.app import app
from central.domain.consumption.change import RankedBy
from central.domain.rating.inputs.segments import DayRange
from central.process.services import timescale_services
from central.service.consumption.changes import show_changes
from central.service.consumption.figures import ConsumptionBy, ConsumptionFigures
from central.service.consumption.losses import show_losses
from central.service.consumption.profile import show_profile
from central.service.ports.consumption import LoadOf
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.ports.registry import NotRegisteredError
from central.service.registry.groups import NamedGroups
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import day_start
from firmware_bridge.contract.obis import ACTIVE_EXPORT
from firmware_bridge.contract.reading import Reading
from tests.support.actors import CLERK
from tests.support.books import HOURLY, OCTOBER, ZONE, Utility, pool_of, timescale_utility
from tests.support.ingest import Edge, channel
from tests.support.servers import MIGRATED, Database, Template, filled

# 16:30 in Madrid on a Sunday: 16 hours of the eleventh are over, and 10 days before.
NOON = datetime(2026, 10, 11, 14, 30, tzinfo=UTC)
DAYS = DayRange(OCTOBER, date(2026, 10, 11))
CHANGED, EVENING = date(2026, 10, 6), 18
FEEDER = "SP-3"
HOUR = timedelta(hours=1)


def used(serial: str, number: int) -> int:
    """What a meter counts in an hour of October. [Wh].

    The first one 1 kWh, and 2 more on the evenings of working days; the second one 2 kWh, and a
    quarter of it from the sixth on; the third counts for both, and a tenth more.
    """
    day = OCTOBER + timedelta(days=number // 24)
    first = 3000 if number % 24 == EVENING and day.weekday() < 5 else 1000
    second = 500 if day >= CHANGED else 2000
    return {"S1": first, "S2": second, "S3": (first + second) * 11 // 10}[serial]


def registers(serial: str, first: int, end: int) -> list[Reading]:
    """What a meter shows at each hour of October."""
    begin = day_start(OCTOBER, ZONE)
    return [
        Reading(
            channel(serial, period_s=HOURLY),
            begin + number * HOUR,
            1000 + sum(used(serial, before) for before in range(number)),
            0,
        )
        for number in range(first, end + 1)
    ]


async def _fill(dsn: str) -> None:
    async with timescale_utility(dsn) as utility:
        utility.now = NOON - timedelta(hours=10)
        edge = await utility.found(customers=3, period_s=HOURLY)
        for serial in ("S1", "S2", "S3"):
            readings = registers(serial, 0, 240)
            # The feeder is silent for five hours of the second of October.
            silent = range(30, 34) if serial == "S3" else range(0)
            await utility.deliver(
                edge, [entry for place, entry in enumerate(readings) if place not in silent]
            )
        await utility.validate()
        groups = NamedGroups(utility.registry, CLERK, lambda: utility.now, reason="a feeder")
        for name, of in (("street", GroupOf.POINT), ("village", GroupOf.ACCOUNT)):
            await groups.add(GroupRecord(name, of))
        for point in ("SP-1", "SP-2", FEEDER):
            await groups.assign("street", Membership(point, OCTOBER, None))
        await groups.assign("village", Membership("A-1", OCTOBER, None))
        await groups.assign("village", Membership("A-2", CHANGED, None))


pytestmark = pytest.mark.begins_with(Template("template_consumption", filled(_fill), MIGRATED))


@dataclass
class Counted:
    """A utility on a day that goes on."""

    utility: Utility

    @property
    def figures(self) -> ConsumptionFigures:
        store = TimescaleConsumption(pool_of(self.utility))
        return ConsumptionFigures(store, self.utility.validation, lambda: self.utility.now)

    async def read(self) -> None:
        """Sixteen hours of the eleventh of October, that nobody validated yet."""
        for serial in ("S1", "S2", "S3"):
            await self.utility.deliver(Edge("gw-1"), registers(serial, 241, 256))


@pytest.fixture
async def counted(migrated: Database) -> AsyncIterator[Counted]:
    async with timescale_utility(migrated.dsn) as utility:
        utility.now = NOON
        yield Counted(utility)


async def by(
    counted: Counted, of: LoadOf, subject: str, days: DayRange, step: ConsumptionBy
) -> dict[str, Decimal]:
    shown = await counted.figures(of, subject, days, step)
    return {row["from"]: Decimal(row["consumption"]) for row in shown.rows()}


async def test_figures_are_what_meters_counted_until_the_last_reading(counted: Counted) -> None:
    await counted.read()
    until_now = DayRange(OCTOBER, date(2026, 10, 12))
    of_group = await by(counted, LoadOf.GROUP, "village", until_now, ConsumptionBy.DAY)
    # The second account is a member from the sixth on; of today 16 hours are over.
    assert of_group == {
        **{f"2026-10-{day:02d}": Decimal(26) for day in (1, 2, 5)},
        **{f"2026-10-{day:02d}": Decimal(24) for day in (3, 4)},
        **{f"2026-10-{day:02d}": Decimal(26 + 12) for day in (6, 7, 8, 9)},
        "2026-10-10": Decimal(24 + 12),
        "2026-10-11": Decimal(16 + 8),
    }
    of_month = await by(counted, LoadOf.ACCOUNT, "A-1", until_now, ConsumptionBy.MONTH)
    assert of_month == {"2026-10": Decimal(7 * 26 + 3 * 24 + 16)}
    hours = await by(counted, LoadOf.TARIFF, "HOME", until_now, ConsumptionBy.HOUR)
    # Eight in the evening, on a Thursday: 3 + 2, and the feeder's tenth more.
    assert hours["2026-10-01T16:00:00+00:00"] == Decimal("10.5")
    assert len(hours) == 10 * 24 + 16
    assert await by(counted, LoadOf.TARIFF, "HOME", until_now, ConsumptionBy.INTERVAL) == hours
    # Validated, they are the same.
    await counted.utility.validate()
    assert await by(counted, LoadOf.GROUP, "village", until_now, ConsumptionBy.DAY) == of_group
    nothing = await counted.figures(
        LoadOf.POINT, "SP-1", until_now, ConsumptionBy.DAY, ACTIVE_EXPORT
    )
    assert nothing.rows() == []


async def test_a_profile_has_the_average_day_its_peak_and_load_factor(counted: Counted) -> None:
    shown = await show_profile(counted.figures, LoadOf.GROUP, "street", DAYS)
    assert shown.to_json()["missing"] == 5
    # Both customers without the feeder: of seven working days three are before the change.
    both = await show_profile(counted.figures, LoadOf.ACCOUNT, "A-1", DAYS)
    assert (both.zone, both.unit, both.load_unit) == (ZONE, "kWh", "kW")
    profile = both.profile
    assert profile.weekday[EVENING] == profile.peak == 3
    assert profile.weekday[0] == profile.weekend[EVENING] == 1
    assert profile.days[EVENING] == Fraction(24, 10)
    assert profile.mean == Fraction(254, 240)
    assert both.profile.peak_at == datetime(2026, 10, 1, 16, tzinfo=UTC)
    assert both.profile.load_factor == Fraction(254, 720)
    second = await show_profile(counted.figures, LoadOf.POINT, "SP-2", DAYS)
    assert second.profile.weekday[0] == Fraction(3 * 4 + 4, 2) / 7
    assert second.hours()[0]["weekend"] == "1.5"


async def test_changes_are_compared_by_day_and_ranked(counted: Counted) -> None:
    periods = DayRange(OCTOBER, CHANGED), DayRange(CHANGED, date(2026, 10, 11))
    loads = counted.figures.loads
    shown = await show_changes(loads, LoadOf.GROUP, "street", periods)
    largest, _, least = shown.rows()
    assert (largest["subject"], largest["change_a_day"], largest["change_percent"]) == (
        *("SP-2", "-36", "-75.0000"),
    )
    assert (least["subject"], least["before"], least["after"]) == ("SP-1", "126", "128")
    assert (least["change_a_day"], least["change_percent"]) == ("0.4", "1.5873")
    (relative,) = (await show_changes(loads, LoadOf.ALL, "", periods, RankedBy.RELATIVE, 1)).changes
    assert (relative.name, relative.share) == ("SP-2", Fraction(-3, 4))
    # The second account is no member before: it is compared with nothing, and that is said.
    village = await show_changes(loads, LoadOf.GROUP, "village", periods)
    assert (village.compared, village.not_compared) == (1, 1)
    with pytest.raises(InvalidValueError, match="earlier one is over"):
        await show_changes(loads, LoadOf.ALL, "", (periods[1], periods[0]))
    with pytest.raises(InvalidValueError, match="cannot be listed"):
        await show_changes(loads, LoadOf.ALL, "", periods, limit=0)


async def test_losses_say_what_is_missing(counted: Counted) -> None:
    shown = await show_losses(counted.figures, "street", FEEDER, DAYS, ConsumptionBy.DAY)
    rows = {row["from"]: row for row in shown.table()}
    first = rows["2026-10-01"]
    assert (first["delivered"], first["used"], first["loss"]) == ("81.4", "74", "7.4")
    # The feeder itself is in the group, and is no part of what is used.
    assert (first["loss_percent"], first["channels"], first["missing"]) == ("9.0909", 2, 0)
    # Five hours of three kilowatt-hours and a tenth are missing.
    second = rows["2026-10-02"]
    assert (second["missing"], second["loss"]) == (5, str(Decimal("7.4") - Decimal("16.5")))
    by_hour = await show_losses(counted.figures, "street", FEEDER, DAYS, ConsumptionBy.INTERVAL)
    hours = {row.begin: row for row in by_hour.rows}
    assert len(hours) == 240
    evening = hours["2026-10-01T16:00:00+00:00"]
    assert evening.delivered == Fraction(11, 2)
    assert evening.used == 5
    assert sum(row.missing for row in hours.values()) == 5


async def test_commands_and_the_api_answer_the_same(
    counted: Counted, migrated: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = timescale_services(
        pool_of(counted.utility), render_invoice, lambda: counted.utility.now
    )
    transport = httpx.ASGITransport(create_app(services, WebSettings()))
    asked = {"from": "2026-10-01", "to": "2026-10-11"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1") as client:

        async def answer(path: str, **more: str) -> dict[str, Any]:
            response = await client.get(path, params={**asked, **more})
            assert response.status_code == 200, response.text
            return dict(response.json())

        shown = await answer("/groups/village/consumption", by="month")
        profile = await answer("/groups/village/load-profile")
        losses = await answer("/groups/street/losses", feeder=FEEDER)
        changes = await answer(
            "/consumption-changes",
            **{"from": "2026-10-06", "before_from": "2026-10-01", "before_to": "2026-10-06"},
        )
        of_tariff = await answer("/tariffs/HOME/consumption", by="month")
        points = (await client.get("/service-points", params={"search": "SP-1"})).json()
        point = points["items"][0]["point"]
        of_point = await answer(f"/service-points/{point}/consumption")
        accounts = (await client.get("/accounts", params={"search": "A-1"})).json()
        account = accounts["items"][0]["account"]
        of_account = await answer(f"/accounts/{account}/consumption")
        assert of_point["rows"] == of_account["rows"] != []
        (so_far,) = (await client.get("/groups/village/so-far?by=month")).json()["items"]
        (of_all,) = (await client.get("/tariffs/HOME/so-far?by=month")).json()["items"]
        assert (so_far["accounts"], so_far["currency"], of_all["accounts"]) == (2, "EUR", 3)
        # The feeder lacks five hours: nothing of it is rated, and that is said.
        assert (of_all["held"], so_far["held"]) == (1, 0)
        assert Decimal(of_all["cost"]) == Decimal(so_far["cost"]) > 0
        assert Decimal(of_all["usage"]) > Decimal(so_far["usage"])
        mixed = await client.get("/groups/nowhere/consumption", params=asked)
        assert (mixed.status_code, mixed.json()["code"]) == (422, "NOT_REGISTERED")
    # 254 kWh of the first, and five days of 12 of the second.
    assert [row["consumption"] for row in shown["rows"]] == ["314"]
    assert Decimal(of_tariff["rows"][0]["consumption"]) > 314
    monkeypatch.setenv("METERLINE_DATABASE", migrated.dsn_as("meterline_app"))
    days = ("--from", "2026-10-01", "--to", "2026-10-11")

    def central(*words: str) -> dict[str, Any]:
        done = CliRunner().invoke(app, ["consumption", *words, "--json"])
        assert done.exit_code == 0, done.output
        return dict(json.loads(done.stdout))

    def commands() -> None:
        table = tmp_path / "losses.csv"
        assert central("show", "--group", "village", "--by", "month", *days) == shown
        assert central("profile", "--group", "village", *days) == profile | {
            "max_load_at": "2026-10-06T16:00:00+00:00"
        }
        assert central("losses", "street", "--feeder", FEEDER, "--csv", str(table), *days) == losses
        with table.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        assert [row["loss"] for row in rows] == [row["loss"] for row in losses["rows"]]
        before = ("--before-from", "2026-10-01", "--before-to", "2026-10-06")
        since = ("--from", "2026-10-06", "--to", "2026-10-11")
        assert central("changes", *before, *since) == changes
        refused = CliRunner().invoke(app, ["consumption", "show", *days])
        assert refused.exit_code == 2
        assert "one subject" in refused.output + (refused.stderr or "")

    await asyncio.to_thread(commands)


async def test_what_cannot_be_summed_is_refused(counted: Counted) -> None:
    with pytest.raises(NotRegisteredError, match="no tariff 'NONE'"):
        await counted.figures(LoadOf.TARIFF, "NONE", DAYS)
    years = DayRange(date(2024, 1, 1), date(2026, 1, 1))
    with pytest.raises(InvalidValueError, match="731 days"):
        await counted.figures(LoadOf.POINT, "SP-1", years)
