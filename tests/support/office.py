"""An office with something to look at: gateways, meters, a validated October, and its bills.

Everything is real: readings go in through ingest, are validated, rated and billed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from central.adapters.documents.invoice import render_invoice
from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.settings import TimescaleSettingsStore
from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.pool import Pool, make_pool
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.adapters.timescale.registry.registry import TimescaleRegistry
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.adapters.timescale.views.field import TimescaleField
from central.domain.billing.bill import Party, RunType
from central.domain.billing.cycle import Cycle
from central.domain.rating.inputs.segments import DayRange
from central.process.services import timescale_services
from central.service.billing.run_bills import RunBills
from central.service.ingest.classify import Arrival, examine
from central.service.ingest.ingest import Ingest
from central.service.operator.services import OperatorServices
from central.service.ports.bill_shard import RunRecord
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.registry.register import Enrol
from central.service.validation.validate import Validate
from firmware_bridge.contract.interval import Interval, local_day, zone_info
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source
from tests.support.actors import CLERK, noted, person
from tests.support.ingest import Edge
from tests.support.servers import MIGRATED, Template, filled

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
ZONE = "Europe/Madrid"
OCTOBER = DayRange(date(2026, 10, 1), date(2026, 11, 1))
CYCLE = Cycle(2026, 10)
ACCOUNTS = ("ES-4100", "ES-4101", "ES-4102")
HOUSEHOLDS = ("Iturbe", "Sanchis", "Okafor")
TARIFF = Path(__file__).parents[2] / "docs" / "reference" / "tariffs" / "residential-tou.yaml"
QUARTER = timedelta(minutes=15)
# Without the boundaries in here, eight quarter hours are estimated, and 22 have no value.
ESTIMATED = (datetime(2026, 10, 9, 8, 15, tzinfo=UTC), datetime(2026, 10, 9, 10, tzinfo=UTC))
HOLED = (datetime(2026, 10, 17, 5, 45, tzinfo=UTC), datetime(2026, 10, 17, 11, tzinfo=UTC))


def load_wh(place: int, at: datetime) -> int:
    """A household's quarter hour, the same every time it is asked."""
    hour = at.hour + at.minute / 60
    morning = 260 * math.exp(-((hour - 8.2) ** 2) / 2.4)
    evening = 430 * math.exp(-((hour - 20.4) ** 2) / 4.2)
    weekend = 1.25 if at.weekday() >= 5 else 1.0
    ripple = (at.day * 7 + at.hour * 13 + at.minute + place * 31) % 37
    return int((52 + morning + evening) * weekend * (1 + 0.22 * place)) + ripple


def registers(place: int) -> list[Reading]:
    """A meter's profile from the first of October until now, with what it left out."""
    zone, of = zone_info(ZONE), _channel(f"QX-10{place}")
    at, value, readings = local_day(OCTOBER.first, ZONE).start, 8_421_000 + place * 77_000, []
    silent = [Interval(*ESTIMATED)] + ([Interval(*HOLED)] if place == 1 else [])
    while at <= NOW:
        if not any(at in hole for hole in silent):
            readings.append(Reading(of, at, value, 0))
        value += load_wh(place, at.astimezone(zone))
        at += QUARTER
    return readings


def _channel(serial: str) -> Channel:
    return Channel("MTL", serial, ACTIVE_IMPORT, Kind.REGISTER, 900, Source.PROFILE, Unit.WATT_HOUR)


class Office:
    """Fills one migrated database and composes its services on it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.field = TimescaleField(pool)
        self.settings = TimescaleSettingsStore(pool)
        self.bills: dict[str, UUID] = {}

    def services(self, clock: Callable[[], datetime] = lambda: NOW) -> OperatorServices:
        return timescale_services(self._pool, render_invoice, clock)

    async def open(self) -> None:
        """Take over the database that `fill` has filled with the ordinary households."""
        store = TimescaleBillingStore(self._pool)
        run = await store.find_run(CYCLE, RunType.REGULAR)
        assert run is not None
        await self._name_bills(store, run, HOUSEHOLDS)

    async def fill(self, households: Sequence[str] = HOUSEHOLDS) -> None:
        """Three households with a bill each; one of them with a hole in its October."""
        gateways = TimescaleGatewayStore(self._pool)
        for name in ("rooftop-01", "rooftop-02", "cellar-07"):
            await gateways.enrol(name, noted(NOW - timedelta(days=60)))
        await self._enrol(households)
        edge = Edge("rooftop-01")
        for place in range(len(households)):
            await self._send(edge, registers(place), NOW - timedelta(minutes=4))
        long_ago = NOW - timedelta(hours=9)
        lost = [Reading(_channel("QX-900"), long_ago - n * QUARTER, 4000 - n, 0) for n in range(4)]
        await self._send(Edge("rooftop-02"), lost[::-1], long_ago)
        await Validate(TimescaleValidationStore(self._pool), lambda: NOW).until_idle()
        store = TimescaleBillingStore(self._pool)
        summary = await RunBills(store, lambda: NOW)(CYCLE, person("night run"))
        await self._name_bills(store, summary.run, households)
        await self.field.refresh(NOW)

    async def _name_bills(
        self, store: TimescaleBillingStore, run: RunRecord, households: Sequence[str]
    ) -> None:
        names = dict(zip(ACCOUNTS, households, strict=False))
        self.bills = {names[head.account]: head.uid for head in await store.heads(run)}

    async def _enrol(self, households: Sequence[str]) -> None:
        enrol = Enrol(TimescaleRegistry(self._pool), CLERK, lambda: NOW)
        await enrol.seller(Party("Meterline Energía", ("Calle Mayor 1", "28013 Madrid"), "ESB1"))
        await enrol.tariff(TARIFF.read_text(encoding="utf-8"))
        for place, name in enumerate(households):
            point, start = f"{name} residence", local_day(OCTOBER.first, ZONE).start
            await enrol.service_point(
                PointRecord(point, ZONE, f"Calle de Alcalá {place + 20}, Madrid"),
                PointChannelRecord(ACTIVE_IMPORT, 900, Unit.WATT_HOUR),
            )
            await enrol.installation(
                InstallationRecord(point, "MTL", f"QX-10{place}", start, gateway="rooftop-01")
            )
            buyer = Party(f"Familia {name}", ("Madrid",))
            await enrol.account(AccountRecord(ACCOUNTS[place], buyer))
            await enrol.agreement(
                AgreementRecord(ACCOUNTS[place], point, "residential-tou", OCTOBER.first)
            )

    async def _send(self, edge: Edge, readings: Sequence[Reading], at: datetime) -> None:
        ingest = Ingest(TimescaleIngestStore(self._pool), lambda: at)
        for first in range(0, len(readings), 900):
            sealed = edge.seal(list(readings[first : first + 900]), at)
            arrived = [examine(Arrival(edge.name, sealed.payload, at))]
            await ingest.commit(arrived)


async def _fill(dsn: str) -> None:
    async with make_pool(dsn) as pool:
        await Office(pool).fill()


OFFICE = Template("template_office", filled(_fill), MIGRATED)
"""The ordinary households of an office, made once on each server."""
