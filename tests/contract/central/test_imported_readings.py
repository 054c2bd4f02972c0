"""Readings of a file are told from the gateway's own: in the views, and behind a bill's line."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import psycopg
import pytest
from psycopg import errors

from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.views.field import TimescaleField
from central.api.schemas.field import ReadingOut
from central.service.gateways.enrolment import enrol_gateway
from central.service.ingest.import_readings import import_readings
from central.service.ingest.ingest import Ingest
from central.service.views.field import CameBy
from firmware_bridge.contract.interval import Interval
from tests.support.actors import CLERK, OPERATOR
from tests.support.books import HOURLY, month, timescale_utility
from tests.support.ingest import NOW, Edge, readings, timescale_stores
from tests.support.servers import Database

START = NOW - timedelta(days=3)
WHEN = lambda: NOW  # noqa: E731 - a clock
FILE = "manufacturer;serial;obis;unit;at;value\n" + "".join(
    f"MTL;A1;1.8.0;Wh;{(START + n * timedelta(hours=1)).isoformat()};{n}\n" for n in range(4)
)
DIGEST = sha256(FILE.encode()).hexdigest()


async def test_a_file_is_told_from_the_gateway_and_does_not_make_it_report(
    migrated: Database,
) -> None:
    async with timescale_stores(migrated.dsn) as stores, make_pool(migrated.dsn) as pool:
        await enrol_gateway(stores.gateways, "gw1", OPERATOR, WHEN)
        field, ingest = TimescaleField(pool), Ingest(stores.ingest, WHEN)
        done = await import_readings(ingest, "gw1", FILE, CLERK, WHEN)
        assert done.rows == {"stored": 4}
        (gateway,) = (await field.gateways(now=NOW, limit=5)).rows
        assert gateway.last_seen is None
        totals = await field.totals(NOW)
        assert (totals.gateways_silent, totals.gateways_never) == (0, 1)
        (channel,) = await field.channels((await field.meters(now=NOW, limit=5)).rows[0].meter)
        within = Interval(START, NOW)
        stored = (await field.readings(channel.channel, within, limit=9)).rows
        assert {(view.came_by, view.imported_by, view.file_sha256) for view in stored} == {
            (CameBy.FILE, CLERK.key, DIGEST)
        }
        # The same file again changes nothing, and what the gateway sends is its own.
        await import_readings(ingest, "gw1", FILE, OPERATOR, WHEN)
        edge = Edge("gw1")
        await ingest.commit(edge.arrive(edge.seal(readings(2, START + timedelta(days=1), 100))))
        stored = (await field.readings(channel.channel, within, limit=9)).rows
        assert [view.came_by for view in stored] == [CameBy.FILE] * 4 + [CameBy.GATEWAY] * 2
        assert {view.imported_by for view in stored[:4]} == {CLERK.key}
        shown = ReadingOut.model_validate(stored[0]).model_dump(mode="json")
        assert (shown["came_by"], shown["file_sha256"]) == ("file", DIGEST)
        (gateway,) = (await field.gateways(now=NOW, limit=5)).rows
        assert gateway.last_seen == NOW
    with psycopg.connect(migrated.dsn) as owner, pytest.raises(errors.RestrictViolation):
        owner.execute("UPDATE reading_import SET imported_by = 'person:somebody else'")


async def test_a_bills_line_names_the_files_behind_it(migrated: Database) -> None:
    async with timescale_utility(migrated.dsn) as clerk, make_pool(migrated.dsn) as pool:
        edge = await clerk.found(period_s=HOURLY)
        whole = month(period_s=HOURLY)
        await clerk.deliver(edge, whole[:400])
        lines = "".join(
            f"MTL;S1;1.8.0;Wh;{each.at.isoformat()};{each.mantissa};3600\n" for each in whole[400:]
        )
        text = "manufacturer;serial;obis;unit;at;value;period_s\n" + lines
        await import_readings(Ingest(clerk.ingest, lambda: clerk.now), edge.name, text, CLERK)
        await clerk.validate()
        field = TimescaleField(pool)
        async with pool.connection() as connection:
            rows = await (await connection.execute("SELECT id FROM point_channel")).fetchall()
        channels = [int(number) for (number,) in rows]
        late = Interval(whole[400].at, whole[-1].at)
        (found,) = await field.imports(channels, late)
        assert (found.gateway, found.imported_by) == (edge.name, CLERK.key)
        assert found.file_sha256 == sha256(text.encode()).hexdigest()
        assert await field.imports(channels, Interval(whole[0].at, whole[399].at)) == ()
