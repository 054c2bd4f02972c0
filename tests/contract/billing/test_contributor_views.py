"""Each way of working on a bill is a view of its own: what was entered since its days began."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg

from central.domain.actor import Actor
from central.domain.billing.bill import Party
from central.domain.metering.installation import RegisterFacts
from central.service.ports.registry import AccountRecord, AgreementRecord, PointRecord
from central.service.registry.register import Enrol
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from tests.support.actors import CLERK, person
from tests.support.books import HOURLY, Utility, month, timescale_utility
from tests.support.daily_books import TARIFF, at, found, measured, run
from tests.support.servers import Database

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
PRICES = """\
INSERT INTO series (name) VALUES ('spot'), ('other');
INSERT INTO series_day (series_id, day, version, step_s, exponent, mantissas, made_at, actor)
SELECT id, day, 1, 86400, -2, '{7}', '2026-01-01', name || ' ' || day
FROM series CROSS JOIN unnest('{2026-09-29,2026-10-15,2026-11-03}'::date[]) AS day;
INSERT INTO holiday_calendar (name, year, revision, days, recorded_at, recorded_by, reason)
VALUES ('ES', 2026, 1, '[]', '2026-09-01', 'early', 'a'),
    ('ES', 2026, 2, '[]', '2026-10-12', 'feast', 'b'),
    ('ES', 2027, 1, '[]', '2026-10-12', 'no', 'c');
UPDATE bill_part SET series_revisions = '{"spot": 1}', holiday_revisions = '{"ES 2026": 1}'
FROM bill WHERE bill.id = bill_id AND bill.state = 'draft';
"""
WORKED = """\
SELECT actor, min(what)
FROM bill JOIN bill_contributor ON bill_id = id WHERE state = 'draft' GROUP BY actor
"""


def enrol(utility: Utility, actor: Actor, when: datetime) -> Enrol:
    return Enrol(utility.registry, actor, lambda: when)


async def test_who_enters_what_its_days_rest_on_worked_on_a_bill(migrated: Database) -> None:
    async with timescale_utility(migrated.dsn) as utility:
        utility.now = datetime(2026, 8, 1, tzinfo=UTC)
        await found(utility, 2, since=OCTOBER)
        await measured(utility, OCTOBER, NOVEMBER)
        within = datetime(2026, 10, 20, tzinfo=UTC)
        agreed = AgreementRecord("A-1", "SP-1", "FLAT", OCTOBER, NOVEMBER)
        await enrol(utility, person("agreement"), within).agreement(agreed)
        other = AgreementRecord("A-2", "SP-2", "FLAT", OCTOBER, NOVEMBER)
        await enrol(utility, person("neighbour"), within).agreement(other)
        named = AccountRecord("A-1", Party("Other name"))
        await enrol(utility, person("account"), within).account(named)
        point = PointRecord("SP-1", "UTC", address="Somewhere 1")
        await enrol(utility, person("point"), within).service_point(point)
        dearer = TARIFF.format(name="FLAT", price="0.40")
        await enrol(utility, person("tariff"), within).tariff(dearer, reason="dearer")
        later = dearer.replace("2026-01-01", "2026-11-01")
        await enrol(utility, person("later"), within).tariff(later)
        utility.now = at(date(2026, 11, 2))
        await run(utility, "2026-10")
        with psycopg.connect(migrated.dsn) as owner:
            owner.execute("SET meterline.recorded_at = '2026-11-02'")
            owner.execute(PRICES)
            worked: dict[str, str] = dict(owner.execute(WORKED).fetchall())
    assert worked == {
        CLERK.key: "made it",
        "agreement": "entered its agreement or facts",
        "account": "changed its account",
        "point": "changed its service point",
        "tariff": "entered a version of its tariff",
        "feast": "changed the holidays of its tariff",
        "spot 2026-10-15": "entered prices or factors of its days",
    }


async def test_who_enters_a_meter_worked_on_the_bills_of_its_days(plain_migrated: Database) -> None:
    async with timescale_utility(plain_migrated.dsn) as utility:
        edge = await utility.found(1, period_s=HOURLY)
        await utility.deliver(edge, month(period_s=HOURLY))
        await utility.validate()
        async with utility.registry.transaction() as registry:
            (there,) = await registry.installations("SP-1")
        facts = RegisterFacts(modulus=Decimal(10_000_000))
        changed = replace(there, registers={ACTIVE_IMPORT: facts})
        await enrol(utility, person("fitter"), utility.now).installation(changed)
        await utility.validate()
        await run(utility, "2026-10")
        with psycopg.connect(plain_migrated.dsn) as owner:
            worked: dict[str, str] = dict(owner.execute(WORKED).fetchall())
    assert worked["fitter"] == "entered a meter of its service point"
