"""The one place where a life meets the product: its use-cases in process, on a real store."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from uuid import UUID

from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.ledger import TimescaleLedger
from central.adapters.timescale.billing.reconciliation import TimescaleReconciliation
from central.adapters.timescale.billing.settings import TimescaleSettingsStore
from central.adapters.timescale.billing.unbilled import TimescaleUnbilled
from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.knowledge import as_of
from central.adapters.timescale.pool import Pool, make_pool
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.adapters.timescale.registry.registry import TimescaleRegistry
from central.adapters.timescale.validation.decisions import TimescaleDecisionStore
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.adapters.timescale.views.field import TimescaleField
from central.config.settings import Settings
from central.domain.billing.bill import Party, RunType
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.cycle import Cycle
from central.domain.billing.ledger import EntryKind, LedgerEntry
from central.domain.metering.installation import RegisterFacts
from central.domain.rating.inputs.segments import DayRange
from central.domain.schedule import Occurrence
from central.process.jobs import nightly_jobs
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.billing.post_entries import AccountLedger
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope, Reconciliation
from central.service.billing.run_bills import RunBills
from central.service.billing.unbilled_revenue import UnbilledRevenue
from central.service.gateways.enrolment import enrol_gateway
from central.service.ingest.classify import Arrival, examine
from central.service.ingest.gap_findings import watch_gaps
from central.service.ingest.ingest import Ingest
from central.service.ingest.outcome import OutcomeKind
from central.service.knowledge_time import KnowledgeTime
from central.service.ports.decisions import Choice, DecisionNote
from central.service.ports.holes import HOLES
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.registry_services import ServiceRecord
from central.service.ports.withdrawals import NamedAgreement
from central.service.registry.cutover_file import read_cutover_file
from central.service.registry.cycles import BillingCycles
from central.service.registry.import_cutover import import_cutover
from central.service.registry.register import Enrol
from central.service.registry.withdraw import Withdraw
from central.service.validation.decisions import accept_finding, decide_conflict
from central.service.validation.validate import Validate
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit
from tests.life.books import Agreement, PayIn, Payment
from tests.life.product_checks import ProductChecks
from tests.life.product_corrections import ProductCorrections
from tests.life.product_days import ProductDays
from tests.life.product_moves import ProductMoves
from tests.life.product_usage import ProductUsage
from tests.life.truth import GAS, SERVICE, WATER
from tests.life.wire import MAKER
from tests.support.actors import person
from tests.support.knowledge import columns_as_of, table_hashes

# Rates what is not billed of all accounts; done on the nights after which a life asks for it.
UNBILLED = "keep_unbilled"
# More than a gateway and its meters ever have.
FINDINGS = 100_000


async def _left(_: datetime, __: Occurrence) -> None:
    """Do nothing of a job."""


@dataclass
class Product:
    """The product, whose clock the life turns."""

    pool: Pool
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __post_init__(self) -> None:
        self._registry = TimescaleRegistry(self.pool)
        self._columns: dict[str, list[str]] = {}
        self._bills = TimescaleBillingStore(self.pool)
        self._decisions = TimescaleDecisionStore(self.pool)
        # What is poison is counted to the end of the life, and what was known is asked for again:
        # no refused message and no finding expires meanwhile.
        settings = Settings(rejected_days=36_500, finding_days=36_500)
        self._nightly = nightly_jobs(self.pool, settings, self._clock)
        self._jobs = self._nightly.jobs
        self._ledger = AccountLedger(TimescaleLedger(self.pool), self._bills, self._clock)
        self._ingest = Ingest(TimescaleIngestStore(self.pool), self._clock)
        self.corrections = ProductCorrections(self.pool, self._clock)
        self.checks = ProductChecks(self.pool, self._clock)
        self.days = ProductDays(self.pool, self._clock)
        self.usage = ProductUsage(self.pool, self._clock)
        self.moves = ProductMoves(self.pool, self._clock)
        self._validate = Validate(TimescaleValidationStore(self.pool), self._clock)

    def _clock(self) -> datetime:
        return self.now

    @property
    def _enrol(self) -> Enrol:
        return Enrol(self._registry, person("registrar"), self._clock)

    @property
    def _cycles(self) -> BillingCycles:
        return BillingCycles(self._registry, person("registrar"), self._clock)

    async def seller(self, name: str) -> None:
        await self._enrol.seller(Party(name, ("Plaza 1",), "ESB1"))

    async def gateway(self, name: str) -> None:
        await enrol_gateway(
            TimescaleGatewayStore(self.pool), name, person("registrar"), self._clock
        )

    async def point(  # noqa: PLR0913, PLR0917 - what is known of a point
        self,
        name: str,
        zone: str,
        period_s: int,
        codes: Sequence[str],
        capacity: int,
        hour: int = 0,
    ) -> None:
        """A point, whose days begin at an hour."""
        channels = [PointChannelRecord(Obis.parse(code), period_s, _unit(code)) for code in codes]
        services = [ServiceRecord("gas", day_start=time(hour))] if hour else []
        record = PointRecord(name, zone, "", Decimal(capacity))
        await self._enrol.service_point(record, *channels, services=services)

    async def subscription(self, name: str, zone: str) -> None:
        """A point without a meter."""
        await self._enrol.service_point(PointRecord(name, zone))

    async def watch(self, gateways: Collection[str]) -> set[str]:
        """Look for batches that do not come, as ingest does; which of some gateways miss any."""
        await watch_gaps(TimescaleIngestStore(self.pool), self.now)
        field = TimescaleField(self.pool)
        return {
            name
            for name in gateways
            if any(
                one.code == "GAP"
                for one in (await field.findings(gateway=name, limit=FINDINGS)).rows
            )
        }

    async def channel(self, point: str, zone: str, period_s: int, code: str) -> None:
        """Count something else at a point."""
        record = PointRecord(point, zone, "", Decimal(20_000))
        channel = PointChannelRecord(Obis.parse(code), period_s, _unit(code))
        await self._enrol.service_point(record, channel)

    async def meter(  # noqa: PLR0913, PLR0917 - what is written down of a meter
        self,
        point: str,
        serial: str,
        start: datetime,
        end: datetime | None,
        gateway: str,
        registers: dict[str, tuple[int, int | None, int]],
    ) -> None:
        """Registers by code: opening, closing, modulus."""
        facts = {
            Obis.parse(code): RegisterFacts(
                Decimal(modulus), Decimal(opening), None if closing is None else Decimal(closing)
            )
            for code, (opening, closing, modulus) in registers.items()
        }
        record = InstallationRecord(
            point, MAKER, serial, start, end, registers=facts, gateway=gateway
        )
        await self._enrol.installation(record)

    async def cycle(self, name: str, months: int, first: date) -> None:
        await self._cycles.add(BillingCycle(name, first, months))

    async def assign(self, account: str, cycle: str, first: date) -> None:
        await self._cycles.assign(account, cycle, first)

    async def tariff(self, document: str, reason: str | None = None) -> int:
        """Add a version; how many issued bills are named for it."""
        enrol = self._enrol
        await enrol.tariff(document, reason=reason)
        return _named(enrol)

    async def withdraw(self, plan: str, effective: date) -> int:
        """Withdraw a version; likewise."""
        enrol = self._enrol
        await enrol.withdraw_tariff(plan, effective, "entered by mistake")
        return _named(enrol)

    async def tariffs(self, at: datetime) -> dict[tuple[str, date], str]:
        """The documents that were in force as of a time."""
        registry = TimescaleRegistry(as_of(self.pool, KnowledgeTime.of(at, self.now)))
        async with registry.transaction() as read:
            history = await read.tariff_history(None)
        newest = {(one.record.name, one.record.effective): one.record for one in history}
        return {key: one.document for key, one in newest.items() if not one.withdrawn}

    async def capacity(self, name: str, zone: str, capacity: int) -> None:
        await self._enrol.service_point(PointRecord(name, zone, "", Decimal(capacity)))

    async def pay(
        self, key: str, account: str, day: date, amount: Decimal, bill: UUID
    ) -> list[bool]:
        """Money for an issued bill, sent twice: whether it was new."""
        entry = LedgerEntry(key, account, EntryKind.PAYMENT, day, "EUR", amount, bill=str(bill))
        return [await self._ledger.post(entry, person("cashier"), "by bank") for _ in range(2)]

    async def pay_in(self, paid: PayIn, *, granted: bool = False) -> None:
        """Money for the prepaid balance, or granted by the utility; sent twice."""
        kind = EntryKind.GRANT if granted else EntryKind.PAY_IN
        money = Decimal(paid.amount.numerator) / paid.amount.denominator
        entry = LedgerEntry(
            paid.entry,
            paid.account,
            kind,
            paid.day,
            "EUR",
            money,
            bank="prepaid",
            expires=paid.expires,
        )
        for _ in range(2):
            await self._ledger.post(entry, person("cashier"), "paid at the counter")

    async def charge(
        self, key: str, account: str, day: date, amount: Decimal, taxes: tuple[str, ...]
    ) -> None:
        """What stands in no tariff: charged or, below zero, credited; sent twice."""
        kind = EntryKind.CHARGE if amount > 0 else EntryKind.CREDIT
        name = "Service order"
        entry = LedgerEntry(key, account, kind, day, "EUR", abs(amount), name=name, taxes=taxes)
        for _ in range(2):
            await self._ledger.post(entry, person("cashier"), "as ordered")

    async def refund(self, refund: Payment, key: str) -> list[bool]:
        """Give back of an entry, sent twice: whether it was new."""
        account, day, amount = refund.account, refund.day, refund.amount
        entry = LedgerEntry(key, account, EntryKind.REFUND, day, "EUR", amount, of=refund.entry)
        return [await self._ledger.post(entry, person("cashier"), "overpaid") for _ in range(2)]

    async def lapse(self, key: str, of: str, account: str, day: date, amount: Fraction) -> None:
        """That is not charged."""
        money = abs(Decimal(amount.numerator) / amount.denominator)
        entry = LedgerEntry(key, account, EntryKind.EXPIRY, day, "EUR", money, of=of)
        await self._ledger.post(entry, person("cashier"), "not ordered")

    async def unagree(self, one: Agreement) -> None:
        """Withdraw an agreement."""
        withdraw = Withdraw(self._registry, person("registrar"), self._clock)
        named = NamedAgreement(one.account, one.point, one.first, one.service)
        await withdraw.agreement(named, "entered by mistake")

    async def cutover(self, text: str) -> None:
        """Take a customer over from another system."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            await import_cutover(self._enrol, read_cutover_file(Path(file.name)))

    async def window(self, days: int, in_a_row: int) -> None:
        change = SettingsChange(window_days=days, estimates_in_a_row=in_a_row)
        settings = ChangeSettings(TimescaleSettingsStore(self.pool), self._clock)
        await settings(change, person("registrar"), "wait no longer")

    async def accept_holes(self, gateway: str) -> None:
        """Nothing comes any more of what a gateway's batches lacked."""
        note = DecisionNote(person("expert"), "asked the gateway", self.now)
        store = TimescaleValidationStore(self.pool)
        listed = await TimescaleField(self.pool).findings(gateway=gateway, limit=FINDINGS)
        for one in listed.rows:
            if one.code in HOLES:
                await accept_finding(self._decisions, store, one.finding, note)

    async def night(self, *, accrues: bool) -> list[str]:
        """Do what a worker does at night; what failed of it."""
        self._nightly.jobs = self._jobs if accrues else {**self._jobs, UNBILLED: _left}
        outcomes = await self._nightly.step()
        return [f"{one.name}: {one.error}" for one in outcomes if one.error is not None]

    async def accrue(self) -> None:
        """Keep what days come to that no issued bill says, where it is another than at night."""
        store, later = TimescaleUnbilled(self.pool), self.now + timedelta(seconds=1)
        await UnbilledRevenue(store, lambda: later).refresh()

    async def reconciled(
        self, first: date, end: date, at: datetime | None = None
    ) -> Reconciliation:
        """What is validated and billed; or what was, as of a time."""
        pool = self.pool if at is None else as_of(self.pool, KnowledgeTime.of(at, self.now))
        reconcile = Reconcile(TimescaleReconciliation(pool), lambda: at or self.now)
        return await reconcile(ReconciledScope(DayRange(first, end)))

    async def table_hashes(
        self, tables: Sequence[str], at: datetime | None = None
    ) -> dict[str, object]:
        """A hash over what tables say; or what they said, as of a time."""
        if not self._columns:
            self._columns = await columns_as_of(self.pool)
        known = None if at is None else KnowledgeTime.of(at, self.now)
        return await table_hashes(self.pool, self._columns, tables, known)

    async def account(self, number: str, name: str) -> None:
        await self._enrol.account(AccountRecord(number, Party(name)))

    async def service(self, point: str, name: str, codes: Sequence[str]) -> None:
        """Sell something at a point that bills some of its channels."""
        await self._enrol.services(point, ServiceRecord(name, tuple(map(Obis.parse, codes))))

    async def agreement(self, one: Agreement) -> None:
        record = AgreementRecord(one.account, one.point, one.plan, one.first, one.end)
        # What bills all that is counted is made with the first agreement, and not named.
        own = one.service in SERVICE.values()
        await self._enrol.agreement(record if own else replace(record, service=one.service))

    async def send(self, window: Sequence[tuple[str, bytes]]) -> Counter[OutcomeKind]:
        """Ingest messages of gateways in one transaction."""
        examined = [examine(Arrival(name, payload, self.now)) for name, payload in window]
        result = await self._ingest.commit(examined)
        return Counter(outcome.kind for outcome in result.outcomes)

    async def validate(self) -> None:
        await self._validate.until_idle()

    async def run(self, cycle: str, actor: str) -> None:
        await self._cycles.extend()
        await RunBills(self._bills, self._clock)(Cycle.parse(cycle), person(actor))
        # A clerk looks at what checks hold, and then what waits behind is billed.
        while await self.checks.release(actor):
            await RunBills(self._bills, self._clock)(Cycle.parse(cycle), person(actor))

    async def approve(self, cycle: str, actor: str) -> None:
        run = await self._bills.find_run(Cycle.parse(cycle), RunType.REGULAR)
        if run is not None:
            await ApproveBills(self._bills, self._clock).run(run, person(actor))

    async def issue(self, cycle: str, actor: str) -> None:
        run = await self._bills.find_run(Cycle.parse(cycle), RunType.REGULAR)
        if run is not None:
            await IssueBills(self._bills, self._clock).run(run, person(actor))

    async def decide(self, serial: str, choice: str, actor: str) -> int:
        """Decide every open conflict of a meter."""
        waiting = await self._decisions.conflicts(1000)
        mine = [one for one in waiting if one.meter.endswith(serial)]
        for one in mine:
            note = DecisionNote(person(actor), "read on site", self.now)
            await decide_conflict(self._decisions, one.id, Choice(choice), note)
        return len(mine)


def _named(enrol: Enrol) -> int:
    return sum(bills.count for bills in enrol.concerned.values())


def _unit(code: str) -> Unit:
    return Unit.LITRE if code in {GAS, WATER} else Unit.WATT_HOUR


@asynccontextmanager
async def open_product(dsn: str) -> AsyncIterator[Product]:
    """The product on a database that is migrated."""
    # Nothing that is lost with the machine is missed; and nothing else takes the connections.
    asked = f"{dsn}{'&' if '?' in dsn else '?'}options=-c%20synchronous_commit%3Doff"
    async with make_pool(asked, max_size=4, check=False) as pool:
        yield Product(pool)
