"""A small utility for the tests of validation and billing: points, meters, accounts, a month."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg

from central.adapters.timescale.audit.store import TimescaleAuditStore
from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.documents import TimescaleDocumentStore
from central.adapters.timescale.billing.ledger import TimescaleLedger
from central.adapters.timescale.billing.reconciliation import TimescaleReconciliation
from central.adapters.timescale.billing.settings import TimescaleSettingsStore
from central.adapters.timescale.billing.suppressions import TimescaleSuppressions
from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.nights import TimescaleNightStore
from central.adapters.timescale.pool import Pool, make_pool
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.adapters.timescale.registry.registry import TimescaleRegistry
from central.adapters.timescale.registry.series import TimescaleSeriesStore
from central.adapters.timescale.schedules import TimescaleScheduleStore
from central.adapters.timescale.validation.decisions import TimescaleDecisionStore
from central.adapters.timescale.validation.estimates import TimescaleBillWindow
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.domain.billing.bill import Party
from central.service.ingest.ingest import Ingest
from central.service.ports.audit import AuditStore
from central.service.ports.bill_window import BillWindowStore
from central.service.ports.billing import BillingStore
from central.service.ports.billing_settings import SettingsStore
from central.service.ports.decisions import DecisionStore
from central.service.ports.documents import DocumentStore
from central.service.ports.gateways import GatewayStore
from central.service.ports.ingest import IngestStore
from central.service.ports.ledger import LedgerStore
from central.service.ports.nights import NightStore
from central.service.ports.reconciliation import ReconciliationStore
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
    RegistryStore,
)
from central.service.ports.schedules import ScheduleStore
from central.service.ports.series import SeriesStore
from central.service.ports.suppressions import SuppressionStore
from central.service.ports.validation import ValidationStore
from central.service.registry.register import Enrol
from central.service.validation.tally import Tally
from central.service.validation.validate import Validate
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Reading
from tests.support.actors import OPERATOR, noted
from tests.support.ingest import Edge, channel
from tests.support.memory.audit import MemoryAuditStore
from tests.support.memory.billing import MemoryBillingStore
from tests.support.memory.books import MemoryBooks
from tests.support.memory.decisions import MemoryDecisionStore
from tests.support.memory.documents import MemoryDocumentStore
from tests.support.memory.estimates import MemoryBillWindow
from tests.support.memory.ingest import MemoryIngestStore
from tests.support.memory.ledger import MemoryLedger
from tests.support.memory.nights import MemoryNightStore, MemoryScheduleStore
from tests.support.memory.reconciliation import MemoryReconciliation
from tests.support.memory.registry import MemoryRegistry
from tests.support.memory.series import MemorySeriesStore
from tests.support.memory.settings import MemorySettingsStore
from tests.support.memory.suppressions import MemorySuppressions
from tests.support.memory.validation import MemoryValidationStore

ZONE = "Europe/Madrid"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
HOURLY = 3600
"""The period of meters of tests in which nothing depends on it: a quarter of the readings. [s]"""
SEPTEMBER = datetime(2026, 9, 1, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)
NOVEMBER = date(2026, 11, 1)

TARIFF = """\
tariff: HOME
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR, digits: 2}
cycle: {normal_days: 30}
calendar:
  days: {work: mon-fri, weekend: rest}
  periods:
    peak: [{days: work, at: "10:00-14:00"}]
    off: rest
determinants:
  kwh: {sum: import, by: period}
charges:
  - {id: customer, price: 5, per: month}
  - {id: energy, qty: kwh, price: {peak: 0.30, off: 0.10}}
taxes:
  - {id: vat, percent: 21, of: [all], point: interval}
"""


@dataclass
class Utility:
    """Every store of one kind, over one state."""

    ingest: IngestStore
    gateways: GatewayStore
    registry: RegistryStore
    validation: ValidationStore
    billing: BillingStore
    decisions: DecisionStore
    series: SeriesStore
    settings: SettingsStore
    audit: AuditStore
    window: BillWindowStore
    documents: DocumentStore
    reconciliation: ReconciliationStore
    ledger: LedgerStore
    nights: NightStore
    schedules: ScheduleStore
    suppressions: SuppressionStore

    now: datetime = NOW
    """What the centre's clock shows."""

    pool: Pool | None = None
    """The connections to their database; None in memory."""

    @property
    def enrol(self) -> Enrol:
        return Enrol(self.registry, OPERATOR, lambda: self.now)

    async def validate(self) -> Tally:
        return await Validate(self.validation, lambda: self.now).until_idle()

    async def deliver(self, edge: Edge, *batches: list[Reading]) -> None:
        """Send readings as the gateway would, and have them stored."""
        for readings in batches:
            for first in range(0, len(readings), 900):
                sealed = edge.seal(readings[first : first + 900])
                await Ingest(self.ingest, lambda: self.now).commit(edge.arrive(sealed))

    async def found(
        self, customers: int = 1, *, capacity: Decimal | None = None, period_s: int = 900
    ) -> Edge:
        """A gateway, a tariff, and as many points with a meter and an account."""
        edge = Edge("gw-1")
        await self.gateways.enrol(edge.name, noted(self.now))
        enrol = self.enrol
        await enrol.seller(Party("Sierra Power", ("Plaza 1",), "ESB1"))
        await enrol.tariff(TARIFF)
        for number in range(1, customers + 1):
            await self.customer(number, capacity=capacity, period_s=period_s)
        return edge

    async def customer(
        self,
        number: int,
        tariff: str = "HOME",
        *,
        capacity: Decimal | None = None,
        period_s: int = 900,
    ) -> None:
        point, account = f"SP-{number}", f"A-{number}"
        enrol = self.enrol
        await enrol.service_point(
            PointRecord(point, ZONE, "Calle 1", capacity),
            PointChannelRecord(ACTIVE_IMPORT, period_s, Unit.WATT_HOUR),
        )
        await enrol.installation(
            InstallationRecord(point, "MTL", f"S{number}", SEPTEMBER, gateway="gw-1")
        )
        await enrol.account(AccountRecord(account, Party(f"Customer {number}")))
        await enrol.agreement(
            AgreementRecord(account, point, tariff, date(2026, 9, 1), billing_from=OCTOBER)
        )


def month(
    serial: str = "S1",
    *,
    step: int = 25,
    gaps: Mapping[int, int] | None = None,
    period_s: int = 900,
) -> list[Reading]:
    """Register readings at every boundary of October, without the gaps {first: count}.

    Args:
        serial: Of the meter.
        step: Its use in a quarter of an hour. [Wh]
        gaps: In boundaries of its period.
        period_s: Of the meter, as it is entered.
    """
    period = timedelta(seconds=period_s)
    start = local_day(OCTOBER, ZONE).start
    end = local_day(NOVEMBER, ZONE).start
    left_out = {first + place for first, count in (gaps or {}).items() for place in range(count)}
    of = channel(serial, period_s=period_s)
    count = (end - start) // period + 1
    each = step * (period // QUARTER)
    return [
        Reading(of, start + place * period, 1000 + place * each, 0)
        for place in range(count)
        if place not in left_out
    ]


_ZONES: dict[str, str] = {}


def _zones(dsn: str) -> str:
    server = dsn.partition("?")[2]
    if server not in _ZONES:
        with psycopg.connect(dsn) as connection:
            rows = connection.execute("SELECT name FROM pg_timezone_names").fetchall()
        _ZONES[server] = " ".join(row[0] for row in rows)
    return _ZONES[server]


@asynccontextmanager
async def timescale_utility(dsn: str) -> AsyncIterator[Utility]:
    async with make_pool(dsn, max_size=8) as pool:
        validation = TimescaleValidationStore(pool)
        # Each store asks its server once; a server of the tests has many.
        validation._known = _zones(dsn)
        yield Utility(
            TimescaleIngestStore(pool),
            TimescaleGatewayStore(pool),
            TimescaleRegistry(pool),
            validation,
            TimescaleBillingStore(pool),
            TimescaleDecisionStore(pool),
            TimescaleSeriesStore(pool),
            TimescaleSettingsStore(pool),
            TimescaleAuditStore(pool),
            TimescaleBillWindow(pool),
            TimescaleDocumentStore(pool),
            TimescaleReconciliation(pool),
            TimescaleLedger(pool),
            TimescaleNightStore(pool),
            TimescaleScheduleStore(pool),
            TimescaleSuppressions(pool),
            pool=pool,
        )


def pool_of(utility: Utility) -> Pool:
    """The connections of a utility on a database, for what else a test opens there.

    One that has asked nothing yet costs as much as all that a short test asks.
    """
    assert utility.pool is not None
    return utility.pool


@asynccontextmanager
async def memory_utility() -> AsyncIterator[Utility]:
    ingest = MemoryIngestStore()
    books = MemoryBooks(ingest)
    yield Utility(
        ingest,
        ingest,
        MemoryRegistry(books),
        MemoryValidationStore(books),
        MemoryBillingStore(books),
        MemoryDecisionStore(books),
        MemorySeriesStore(books),
        MemorySettingsStore(books),
        MemoryAuditStore(lambda: ingest.state),
        MemoryBillWindow(books),
        MemoryDocumentStore(books),
        MemoryReconciliation(books),
        MemoryLedger(books),
        MemoryNightStore(),
        MemoryScheduleStore(lambda: [point.zone for point in books.state.points.values()]),
        MemorySuppressions(books),
    )
