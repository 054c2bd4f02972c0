"""What views become in JSON, byte for byte, as the routes send it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from central.api.schemas.base import PageOut, page_out
from central.api.schemas.billing import ExplanationOut, RunOut
from central.api.schemas.field import (
    ChannelOut,
    GatewayOut,
    MeterOut,
    MonthOut,
    PointChannelOut,
    ReadingOut,
)
from central.dashboard.language import ENGLISH
from central.dashboard.slots import line_slots
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, IntervalQuality
from central.service.operator.month import ChannelMonth, assemble_month
from central.service.views.billing import (
    ExplainedInterval,
    LineExplanation,
    LineView,
    Proof,
    RunView,
)
from central.service.views.field import (
    CameBy,
    ChannelView,
    GatewayView,
    ImportView,
    MeterView,
    PointChannelView,
    ReadingView,
)
from central.service.views.paging import Page
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.obis import ACTIVE_IMPORT, Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Kind, Quality, Source, TimeQuality

AT = datetime(2026, 10, 3, 9, 0, 0, 500_000, tzinfo=UTC)
CHANNEL = ChannelView(
    "c-1",
    "m-1",
    ACTIVE_IMPORT,
    Kind.REGISTER,
    900,
    Source.LIVE,
    Unit.WATT_HOUR,
    AT,
    None,
    Quantity(1200, -1, Unit.WATT_HOUR),
)
GATEWAY = GatewayView("gw-1", True, AT, None, "e-1", 12, None, 3, 0)
METER = MeterView("m-1", "ACM", "7", "gw-1", "p-1", "Home", "Europe/Madrid", AT, AT, 4, 1)
POINT_CHANNEL = PointChannelView(
    "c-2", "p-1", "Home", "Europe/Madrid", Obis.parse("7-0:3.0.0*255"), 3600, Unit.LITRE, None
)
IMPORT = ImportView("gw1", "ab", "person:ana", AT)
READING = ReadingView(
    AT,
    1,
    Quantity(5, 2, Unit.LITRE),
    Quality.SUSPECT,
    TimeQuality.METER,
    CameBy.FILE,
    "person:ana",
    "ab",
)
RUN = RunView(
    "r-1", "2026-10", "regular", "made", AT, None, 3, 1, 1, 1, 0, (("EUR", Decimal("1.50")),)
)
LINE = LineView(1, "energy", "energy", None, "Energy", Decimal(12), "kWh", None, Decimal(3), True)
PROOF = Proof(
    "kwh",
    "",
    "kWh",
    "sum",
    "UTC",
    (ExplainedInterval(AT, AT, AT.date(), Decimal("0.50"), IntervalQuality.ESTIMATED_LINEAR, 2),),
    Fraction(1, 3),
    Fraction(5, 4),
)


def test_a_proof_says_what_is_metered_and_keeps_import_and_export_apart() -> None:
    (one,) = PROOF.intervals
    both = (replace(one, series="import"), replace(one, series="export", value=Decimal("-0.20")))
    proof = replace(PROOF, intervals=both, total=Fraction(0), adjusted=Fraction("-0.30"))
    assert proof.metered == sum(Fraction(used.value) for used in both)
    assert [(day.series, day.total) for day in proof.days] == [
        ("import", Decimal("0.50")),
        ("export", Decimal("-0.20")),
    ]
    assert (proof.several, PROOF.several) == (True, False)


def test_a_day_of_intervals_at_their_own_prices_says_what_it_comes_to() -> None:
    (one,) = PROOF.intervals
    priced = replace(one, price=Fraction(3, 10), worth=Fraction(3, 20))
    (day,) = replace(PROOF, intervals=(priced, priced)).days
    assert (day.worth, PROOF.days[0].worth) == (Fraction(3, 10), None)
    (slot, _) = line_slots(day, "UTC", ENGLISH)
    assert (slot.value, next(line_slots(PROOF.days[0], "UTC", ENGLISH)).value) == (
        "0.50 at 0.3",
        "0.50",
    )


async def sent(schema: object, body: BaseModel) -> str:
    """A body as a route of its schema sends it."""
    app = FastAPI()

    @app.get("/", response_model=schema)
    async def route() -> BaseModel:
        return body

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://test"
    ) as client:
        return (await client.get("/")).text


def month() -> ChannelMonth:
    day = date(2026, 10, 1)
    values = np.full(24, 40, dtype=np.int64)
    quality = np.zeros(24, np.uint8)
    values[23], quality[23] = NULL, IntervalQuality.MISSING
    start = local_day(day, "UTC").start
    block = DayBlock(7, day, "UTC", start, 3600, -1, Unit.WATT_HOUR, values, quality)
    channel = PointChannelView("7", "p", "Home", "UTC", ACTIVE_IMPORT, 3600, Unit.WATT_HOUR, None)
    return assemble_month(channel, date(2026, 10, 1), (block,))


EXPECTED: dict[str, str] = {
    "channel": (
        '{"channel":"c-1","meter":"m-1","obis":"1-0:1.8.0*255","name":"active energy impo'
        'rt","kind":"register","period_s":900,"source":"live","unit":"Wh","first_at":"202'
        '6-10-03T09:00:00.500000Z","last_at":null,"last_value":{"value":"120.0","unit":"W'
        'h"}}'
    ),
    "gateway": (
        '{"gateway":"gw-1","presence":"revoked","revoked":true,"enrolled_at":"2026-10-03T'
        '09:00:00.500000Z","last_seen":null,"epoch":"e-1","cum":12,"backlog":null,"meters'
        '":3,"findings":0}'
    ),
    "meter": (
        '{"meter":"m-1","manufacturer":"ACM","serial":"7","presence":"reporting","gateway'
        '":"gw-1","service_point":"p-1","service_point_name":"Home","zone":"Europe/Madrid'
        '","last_seen":"2026-10-03T09:00:00.500000Z","last_good":"2026-10-03T09:00:00.500'
        '000Z","missing":4,"findings":1}'
    ),
    "point_channel": (
        '{"channel":"c-2","service_point":"p-1","zone":"Europe/Madrid","obis":"7-0:3.0.0*'
        '255","name":"gas volume","period_s":3600,"unit":"L","last_day":null}'
    ),
    "readings": (
        '{"items":[{"at":"2026-10-03T09:00:00.500000Z","revision":1,"value":{"value":"500'
        '","unit":"L"},"quality":"suspect","time_quality":"meter","came_by":"file",'
        '"imported_by":"person:ana","file_sha256":"ab"}],"after":"next"}'
    ),
    "run": (
        '{"run":"r-1","cycle":"2026-10","kind":"regular","state":"made","started_at":"202'
        '6-10-03T09:00:00.500000Z","finished_at":null,"bills":3,"held":1,"drafts":1,"appr'
        'oved":1,"issued":0,"cancelled":0,"totals":[{"currency":"EUR","amount":"1.50"}],"scope":null}'
    ),
    "explanation": (
        '{"line":{"number":1,"charge":"energy","kind":"energy","label":null,"text":"Energ'
        'y","quantity":"12","unit":"kWh","price":null,"amount":"3","explained":true,"adjusts":null},"pro'
        'ofs":[{"name":"kwh","label":"","unit":"kWh","how":"sum","zone":"UTC","total":"1/'
        '3","billed":"1.25","adjusted":"0","worth":null,"intervals":[{"start":"2026-10-03T09:00:00.500000Z","end":"20'
        '26-10-03T09:00:00.500000Z","day":"2026-10-03","value":"0.50","quality":"estimate'
        'd_linear","version":2,"series":"","price":null,"worth":null}]}],"imports":[{"gateway":"gw1","file_sha256":"ab",'
        '"imported_by":"person:ana","imported_at":"2026-10-03T09:00:00.500000Z"}]}'
    ),
    "month": (
        '{"channel":"7","zone":"UTC","month":"2026-10","start":"2026-10-01T00:00:00Z","en'
        'd":"2026-11-01T00:00:00Z","total":{"value":"92.0","unit":"Wh"},"estimated":0,"mi'
        'ssing":1,"gaps":[{"start":"2026-10-01T23:00:00Z","end":"2026-10-02T00:00:00Z"}],'
        '"days":[{"day":"2026-10-01","start":"2026-10-01T00:00:00Z","end":"2026-10-02T00:'
        '00:00Z","period_s":3600,"unit":"Wh","version":1,"sha256":"f59a392cb5c176cd98175d'
        '4cb9630df42ff9748542397aa4e17014a1631738ff","values":["4.0","4.0","4.0","4.0","4'
        '.0","4.0","4.0","4.0","4.0","4.0","4.0","4.0","4.0","4.0","4.0","4.0","4.0","4.0'
        '","4.0","4.0","4.0","4.0","4.0",null],"quality":["actual","actual","actual","act'
        'ual","actual","actual","actual","actual","actual","actual","actual","actual","ac'
        'tual","actual","actual","actual","actual","actual","actual","actual","actual","a'
        'ctual","actual","missing"]}]}'
    ),
}


def bodies() -> dict[str, tuple[object, BaseModel]]:
    return {
        "channel": (ChannelOut, ChannelOut.model_validate(CHANNEL)),
        "gateway": (GatewayOut, GatewayOut.of(GATEWAY, AT)),
        "meter": (MeterOut, MeterOut.of(METER, AT)),
        "point_channel": (PointChannelOut, PointChannelOut.model_validate(POINT_CHANNEL)),
        "readings": (
            PageOut[ReadingOut],
            page_out(Page((READING,), "next"), ReadingOut.model_validate),
        ),
        "run": (RunOut, RunOut.model_validate(RUN)),
        "explanation": (
            ExplanationOut,
            ExplanationOut.model_validate(
                LineExplanation(LINE, (PROOF,), (ImportView("gw1", "ab", "person:ana", AT),))
            ),
        ),
        "month": (MonthOut, MonthOut.of(month())),
    }


@pytest.mark.parametrize("name", list(EXPECTED))
async def test_a_view_is_sent_byte_for_byte(name: str) -> None:
    schema, body = bodies()[name]
    assert await sent(schema, body) == EXPECTED[name]
