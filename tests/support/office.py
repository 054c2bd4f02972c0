"""An office with something to look at: gateways, meters, a validated October, and its bills.

Readings go in through ingest; bills are rated by the rater over the very blocks that are stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import psycopg

from central.adapters.documents.invoice import render_invoice
from central.adapters.timescale.desk import timescale_desk
from central.adapters.timescale.gateways import TimescaleGatewayStore
from central.adapters.timescale.ingest import TimescaleIngestStore
from central.adapters.timescale.overview_billing import TimescaleBilling
from central.adapters.timescale.overview_field import TimescaleField
from central.adapters.timescale.pool import Pool
from central.domain.billing.bill import Account, Party, RunType
from central.domain.billing.cycle import Cycle
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.rating.facts import AgreementFacts
from central.domain.rating.line import Hold
from central.domain.rating.period import DayRange
from central.domain.rating.state import State
from central.service.desk import Desk
from central.service.ingest import Ingest
from central.service.ports.billing import AccountWork, NewBill, SupplyWork
from central.service.ports.registry import TariffRecord
from central.service.rate import Tariffs, rate_account
from firmware_bridge.contract.interval import local_day, zone_info
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source
from tests.support.ingest import Edge, arrive

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
ZONE = "Europe/Madrid"
OCTOBER = DayRange(date(2026, 10, 1), date(2026, 11, 1))
CYCLE = Cycle(2026, 10)
TARIFF = Path(__file__).parents[2] / "docs" / "reference" / "tariffs" / "residential-tou.yaml"
SELLER = Party("Meterline Energía", ("Calle Mayor 1", "28013 Madrid"), "ESB12345678")
QUARTER = timedelta(minutes=15)
# Local days that were partly estimated, and that have a hole.
ESTIMATED = date(2026, 10, 9)
HOLED = date(2026, 10, 17)


def load_wh(place: int, at: datetime) -> int:
    """A household's quarter hour, the same every time it is asked."""
    hour = at.hour + at.minute / 60
    morning = 260 * np.exp(-((hour - 8.2) ** 2) / 2.4)
    evening = 430 * np.exp(-((hour - 20.4) ** 2) / 4.2)
    weekend = 1.25 if at.weekday() >= 5 else 1.0
    ripple = (at.day * 7 + at.hour * 13 + at.minute + place * 31) % 37
    return int((52 + morning + evening) * weekend * (1 + 0.22 * place)) + ripple


def october_blocks(channel_id: int, place: int, *, holed: bool) -> list[DayBlock]:
    blocks = []
    for day in OCTOBER.days():
        span = local_day(day, ZONE)
        count = span.duration // QUARTER
        zone = zone_info(ZONE)
        starts = [(span.start + n * QUARTER).astimezone(zone) for n in range(count)]
        values = np.array([load_wh(place, at) for at in starts], dtype=np.int64)
        quality = np.zeros(count, np.uint8)
        if day == ESTIMATED:
            quality[40:48] = IntervalQuality.ESTIMATED_LINEAR
        if holed and day == HOLED:
            quality[30:52] = IntervalQuality.MISSING
            values[30:52] = NULL
        blocks.append(
            DayBlock(channel_id, day, ZONE, span.start, 900, 0, Unit.WATT_HOUR, values, quality)
        )
    return blocks


class Office:
    """Fills one migrated database and composes a desk on it."""

    def __init__(self, dsn: str, pool: Pool) -> None:
        self._dsn = dsn
        self._pool = pool
        self.field = TimescaleField(pool)
        self.billing = TimescaleBilling(pool)
        self.bills: dict[str, UUID] = {}

    def desk(self, clock: Callable[[], datetime] = lambda: NOW) -> Desk:
        return timescale_desk(self._pool, render_invoice, clock)

    async def fill(self, households: Sequence[str] = ("Iturbe", "Sanchis", "Okafor")) -> None:
        """Three households that report; one of them with a hole in its October."""
        await self._report(households)
        with psycopg.connect(self._dsn, autocommit=True) as owner:
            tariff = _tariff(owner)
            run = _run(owner)
            for place, name in enumerate(households):
                point, channel, account, agreement = _enrol(owner, place, name)
                blocks = october_blocks(channel, place, holed=place == 1)
                _save_blocks(owner, blocks)
                new = _rate(account, agreement, point, name, tariff, blocks)
                self.bills[name] = _save_bill(owner, run, new)
        await self.field.refresh(NOW)

    async def _report(self, households: Sequence[str]) -> None:
        gateways, store = TimescaleGatewayStore(self._pool), TimescaleIngestStore(self._pool)
        for name in ("rooftop-01", "rooftop-02", "cellar-07"):
            await gateways.enrol(name, NOW - timedelta(days=60))
        ingest = Ingest(store, lambda: NOW - timedelta(minutes=4))
        old = Ingest(store, lambda: NOW - timedelta(hours=9))
        await _send(ingest, "rooftop-01", [f"QX-10{n}" for n in range(len(households))], 40)
        await _send(old, "rooftop-02", ["QX-900"], 4, until=NOW - timedelta(hours=9))


async def _send(
    ingest: Ingest, gateway: str, serials: Sequence[str], count: int, until: datetime = NOW
) -> None:
    edge = Edge(gateway)
    for number, serial in enumerate(serials):
        channel = Channel(
            "MTL", serial, ACTIVE_IMPORT, Kind.REGISTER, 900, Source.PROFILE, Unit.WATT_HOUR
        )
        first = until - count * QUARTER
        values = [
            Reading(channel, first + n * QUARTER, 8_421_000 + number * 77_000 + n * 137, 0)
            for n in range(count)
        ]
        await ingest.commit(arrive(gateway, edge.seal(values, until).payload))


def _tariff(owner: psycopg.Connection[tuple[object, ...]]) -> TariffRecord:
    text = TARIFF.read_text(encoding="utf-8")
    record = TariffRecord("residential-tou", date(2026, 1, 1), text, "00" * 32, "EUR")
    owner.execute("INSERT INTO tariff (name) VALUES (%s)", (record.name,))
    owner.execute(
        "INSERT INTO tariff_version"
        " (tariff_id, effective, document, sha256, currency, added_at, added_by)"
        " SELECT id, %s, %s, %s, %s, %s, 'test' FROM tariff",
        (record.effective, text, bytes(32), record.currency, NOW),
    )
    return record


def _run(owner: psycopg.Connection[tuple[object, ...]]) -> int:
    row = owner.execute(
        "INSERT INTO bill_run (uid, cycle, run_type, creator, started_at, finished_at)"
        " VALUES (%s, %s, 'regular', 'night run', %s, %s) RETURNING id",
        (uuid4(), str(CYCLE), NOW, NOW + timedelta(seconds=2)),
    ).fetchone()
    return _key(row)


def _key(row: tuple[object, ...] | None) -> int:
    assert row is not None
    assert isinstance(row[0], int)
    return row[0]


def _enrol(
    owner: psycopg.Connection[tuple[object, ...]], place: int, name: str
) -> tuple[int, int, int, int]:
    point = _key(
        owner.execute(
            "INSERT INTO service_point (uid, name, zone, address) VALUES (%s, %s, %s, %s)"
            " RETURNING id",
            (uuid4(), f"{name} residence", ZONE, f"Calle de Alcalá {place + 20}, Madrid"),
        ).fetchone()
    )
    channel = _key(
        owner.execute(
            "INSERT INTO point_channel (service_point_id, obis, period_s, unit)"
            " VALUES (%s, %s, 900, 'Wh') RETURNING id",
            (point, ACTIVE_IMPORT.code),
        ).fetchone()
    )
    owner.execute(
        "INSERT INTO installation (uid, service_point_id, meter_id, during)"
        " SELECT %s, %s, id, tstzrange('2026-01-01 00:00+00', NULL) FROM meter WHERE serial = %s",
        (uuid4(), point, f"QX-10{place}"),
    )
    account = _key(
        owner.execute(
            "INSERT INTO account (uid, number, name) VALUES (%s, %s, %s) RETURNING id",
            (uuid4(), f"ES-{4100 + place}", f"Familia {name}"),
        ).fetchone()
    )
    agreement = _key(
        owner.execute(
            "INSERT INTO agreement (uid, account_id, service_point_id, tariff_id, during)"
            " SELECT %s, %s, %s, id, daterange('2026-01-01', NULL) FROM tariff RETURNING id",
            (uuid4(), account, point),
        ).fetchone()
    )
    return point, channel, account, agreement


def _save_blocks(owner: psycopg.Connection[tuple[object, ...]], blocks: Sequence[DayBlock]) -> None:
    with owner.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO day_block (channel_id, day, version, start_at, period_s, exponent, zone,"
            " unit, sha256, quality, consumption, made_at, actor)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'vee')",
            [
                (
                    b.channel_id, b.day, b.version, b.start, b.period_s, b.exponent, b.zone,
                    b.unit.value, b.sha256, b.pack_quality(), b.pack_values(), NOW,
                )
                for b in blocks
            ],
        )  # fmt: skip
        for block in blocks:
            if block.missing:
                cursor.execute(
                    "INSERT INTO vee_finding (channel_id, day, code, severity, from_at, until_at,"
                    " message, evidence, raised_at)"
                    " VALUES (%s, %s, 'MISSING_INTERVALS', 'critical', %s, %s, %s, '{}', %s)",
                    (
                        block.channel_id, block.day, block.start + 30 * QUARTER,
                        block.start + 52 * QUARTER, f"{block.missing} intervals have no value.",
                        NOW,
                    ),
                )  # fmt: skip


def _rate(  # noqa: PLR0913, PLR0917 - what a bill is made of
    account: int,
    agreement: int,
    point: int,
    name: str,
    tariff: TariffRecord,
    blocks: Sequence[DayBlock],
) -> NewBill:
    del point
    missing = sum(block.missing for block in blocks)
    holds = (
        (Hold("MISSING_INTERVALS", f"{missing} intervals of 17 Oct have no value."),)
        if missing
        else ()
    )
    supply = SupplyWork(
        agreement, f"{name} residence", ZONE, tariff.name, OCTOBER, AgreementFacts(), State(),
        {"import": blocks}, holds,
    )  # fmt: skip
    buyer = Party(f"Familia {name}", ("Madrid",))
    number = f"ES-{4100 + account}"
    work = AccountWork(account, Account(number, buyer, SELLER), (supply,))
    return rate_account(work, CYCLE, RunType.REGULAR, Tariffs({tariff.name: [tariff]}, OCTOBER))


def _save_bill(owner: psycopg.Connection[tuple[object, ...]], run: int, new: NewBill) -> UUID:
    bill, uid = new.bill, uuid4()
    held = bool(bill.holds)
    document = bill.to_json()
    row = owner.execute(
        "INSERT INTO bill (uid, run_id, account_id, cycle, run_type, state, holds, first_day,"
        " end_day, currency, total, kwh, sha256, document, creator, made_at)"
        " VALUES (%s, %s, %s, %s, 'regular', %s, %s, %s, %s, %s, %s, %s, %s, %s, 'night run', %s)"
        " RETURNING id",
        (
            uid, run, new.account_id, str(bill.cycle), "held" if held else "draft",
            json.dumps([hold.to_json() for hold in bill.holds]), OCTOBER.first, OCTOBER.end,
            bill.currency or None, bill.total if bill.lines else None, new.kwh,
            bytes.fromhex(bill.sha256) if bill.lines else None, json.dumps(document), NOW,
        ),
    ).fetchone()  # fmt: skip
    number = _key(row)
    for entry in bill.lines:
        line = entry.line
        owner.execute(
            "INSERT INTO bill_line (bill_id, number, service_point, charge, kind, name, label,"
            " quantity, unit, price, amount, lineage)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                number, entry.position, entry.service_point, line.id, line.kind, line.name,
                line.label, line.quantity, line.unit, line.price, line.amount,
                json.dumps(line.to_json()),
            ),
        )  # fmt: skip
    return uid
