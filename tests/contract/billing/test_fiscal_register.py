"""Each invoice has its record from the moment it is issued, and no chain forks or has a gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal

import psycopg
import pytest

from central.adapters.timescale.billing import fiscal
from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.fiscal import TimescaleFiscalRegister
from central.domain.billing.bill import Party
from central.domain.billing.state import BillState
from central.domain.einvoice.document import EInvoice, NotStructuredError
from central.domain.fiscal.record import FiscalMode, RecordKind
from central.domain.fiscal.verifactu import BillingSoftware, FiscalIssuerError, issuer_of
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.fiscal_register import FiscalRegister
from central.service.ports.audit import AuditFilter
from central.service.ports.billing import BillRecord
from central.service.ports.fiscal import NoFiscalRecordError, RegistrationCancelledError
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CHIEF, CLERK, person
from tests.support.books import Utility, pool_of, timescale_utility
from tests.support.daily_books import approve, at, bill, found, issue, measured, run
from tests.support.servers import Database

OCTOBER, DECEMBER = date(2026, 10, 1), date(2026, 12, 1)
SOFTWARE = BillingSoftware("Producer SL", "B87654323", "1", "0.2.0")
NAMELESS = SOFTWARE._replace(tax_number="12")
ISSUER = "B12345674"
WHY = "obliged from now on"
AGENT = person("agent")
ADDED = """
INSERT INTO fiscal_record
SELECT issuer, {ordinal}, 'cancellation', bill_id, number, issued_on, '', 0, 0, {previous},
    repeat('A', 64), stamped, content, recorded_at
FROM fiscal_record WHERE ordinal = 2
"""


@asynccontextmanager
async def opened(
    database: Database, customers: int = 1, *, number: str = f"ES{ISSUER}"
) -> AsyncIterator[tuple[Utility, FiscalRegister]]:
    """Customers with October's bills approved, and a register that is written."""
    async with timescale_utility(database.dsn_as("meterline_app")) as utility:
        await found(utility, customers, since=OCTOBER)
        await utility.enrol.seller(Party("Sierra Power", ("Plaza 1",), number), "number")
        for channel in range(1, customers + 1):
            await measured(utility, OCTOBER, DECEMBER, channel)
        utility.now = at(date(2026, 12, 2))
        store = TimescaleFiscalRegister(pool_of(utility))
        register = FiscalRegister(store, lambda: utility.now)
        await register.use(FiscalMode.VERIFACTU, SOFTWARE, CHIEF, WHY)
        summary = await run(utility, "2026-10")
        assert await approve(utility, summary) == []
        yield utility, register


async def issued(utility: Utility, account: str) -> BillRecord:
    record = await bill(utility, account, "2026-10")
    await IssueBills(utility.billing, lambda: utility.now).one(record.uid, CHIEF)
    return await bill(utility, account, "2026-10")


async def test_a_run_is_registered_in_the_order_of_its_numbers(migrated: Database) -> None:
    async with opened(migrated, customers=3) as (utility, register):
        assert await issue(utility, await run(utility, "2026-10")) == []
        verified = await register.verify()
        assert verified.holds
        (chain,) = verified.chains
        assert (chain.issuer, chain.records, chain.faults) == (ISSUER, 3, ())
        record = await bill(utility, "A-2", "2026-10")
        (entry,) = await register.records(record.number or "")
        # 310 kWh at 0.30, and nobody taxes it.
        assert (entry.chained.ordinal, entry.chained.record.total) == (2, Decimal("93.00"))
        assert entry.chained.record.invoice_type == "F2"
        assert entry.chained.sha256 in entry.content
        assert "<CalificacionOperacion>" not in entry.content
        last = await register.records("INV-000003")
        assert last[0].chained.sha256 == chain.head
        (row,) = await utility.audit.rows(AuditFilter(action="fiscal"), 10)
        assert (row.action, row.actor) == ("fiscal.used", CHIEF.key)


async def test_the_database_keeps_the_chain_from_everybody(plain_migrated: Database) -> None:
    async with opened(plain_migrated, customers=2) as (utility, register):
        await issue(utility, await run(utility, "2026-10"))
        for statement in (
            b"UPDATE fiscal_record SET total = 1",
            b"DELETE FROM fiscal_record",
            b"TRUNCATE fiscal_record",
            # The hash that another record names already, and a place further on.
            ADDED.format(ordinal=3, previous="previous").encode(),
            ADDED.format(ordinal=9, previous="sha256").encode(),
        ):
            # As its owner.
            with psycopg.connect(plain_migrated.dsn) as connection, pytest.raises(psycopg.Error):
                connection.execute(statement)
        assert (await register.verify()).holds


async def test_bills_issued_at_the_same_moment_make_one_chain(plain_migrated: Database) -> None:
    async with opened(plain_migrated, customers=4) as (utility, register):
        accounts = [f"A-{number}" for number in range(1, 5)]
        records = await asyncio.gather(*(issued(utility, account) for account in accounts))
        assert {record.number for record in records} == {f"INV-00000{n}" for n in range(1, 5)}
        verified = await register.verify()
        assert verified.holds
        assert [chain.records for chain in verified.chains] == [4]


async def test_who_is_killed_while_issuing_leaves_no_record(plain_migrated: Database) -> None:
    async with opened(plain_migrated, customers=2) as (utility, register):
        await issued(utility, "A-1")
        async with await psycopg.AsyncConnection.connect(plain_migrated.dsn) as blocker:
            await blocker.execute("SELECT FROM fiscal_chain FOR UPDATE")
            task = asyncio.create_task(issued(utility, "A-2"))
            waiting = None
            while waiting is None:
                # It has its number, and waits for the chain.
                cursor = await blocker.execute(
                    "SELECT pid FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
                )
                waiting = await cursor.fetchone()
                await asyncio.sleep(0.01)
            await blocker.execute("SELECT pg_terminate_backend(%s)", waiting)
            with pytest.raises(Exception, match=r"."):
                await task
            await blocker.rollback()
        assert [chain.records for chain in (await register.verify()).chains] == [1]
        assert (await issued(utility, "A-2")).number == "INV-000002"
        verified = await register.verify()
        assert verified.holds
        assert [chain.records for chain in verified.chains] == [2]


async def test_a_credit_note_is_registered_and_a_registration_cancelled(
    plain_migrated: Database,
) -> None:
    async with opened(plain_migrated) as (utility, register):
        invoice = await issued(utility, "A-1")
        now = lambda: utility.now  # noqa: E731 - a clock
        cancellations = TimescaleCancellations(pool_of(utility))
        (uid,) = await CancelBills(utility.billing, cancellations, now)(
            [invoice.uid], AGENT, "wrong tariff"
        )
        await ApproveBills(utility.billing, now).one(uid, CHIEF)
        await IssueBills(utility.billing, now).one(uid, CHIEF)
        (credit,) = await register.records("CN-000001")
        assert (credit.chained.record.invoice_type, credit.chained.record.total) == (
            "R5",
            Decimal("-93.00"),
        )
        cancelled = await register.cancel("INV-000001", CLERK, "registered twice")
        assert cancelled.chained.record.kind is RecordKind.CANCELLATION
        assert cancelled.chained.record.previous == credit.chained.sha256
        assert "RegistroAnulacion" in cancelled.content
        with pytest.raises(RegistrationCancelledError, match="INV-000001"):
            await register.cancel("INV-000001", CLERK, "again")
        with pytest.raises(NoFiscalRecordError, match="INV-000009"):
            await register.cancel("INV-000009", CLERK, "there is none")
        with pytest.raises(InvalidValueError, match="reason"):
            await register.cancel("CN-000001", CLERK, " ")
        verified = await register.verify()
        assert verified.holds
        assert [chain.records for chain in verified.chains] == [3]


async def test_a_bill_that_cannot_be_registered_stays_approved_and_the_others_are_issued(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(invoice: EInvoice) -> str:
        if invoice.buyer.name == "Customer 2":
            message = "Its taxes are no value added tax."
            raise NotStructuredError(message)
        return issuer_of(invoice)

    monkeypatch.setattr(fiscal, "issuer_of", refusing)
    async with opened(plain_migrated, 3) as (utility, register):
        summary = await run(utility, "2026-10")
        outcome = await IssueBills(utility.billing, lambda: utility.now).run(summary.run, CHIEF)
        refused = [(each.account, each.code) for each in outcome.refused]
        assert (outcome.count, refused) == (2, [("A-2", "EINVOICE_IMPOSSIBLE")])
        numbers = [(await bill(utility, f"A-{n}", "2026-10")).number for n in (1, 2, 3)]
        assert numbers == ["INV-000001", None, "INV-000002"]
        assert (await bill(utility, "A-2", "2026-10")).bill.state is BillState.APPROVED
        verified = await register.verify()
        assert [chain.records for chain in verified.chains] == [2]


async def test_a_seller_without_a_number_issues_nothing_while_a_register_is_written(
    plain_migrated: Database,
) -> None:
    async with opened(plain_migrated, number="FR1") as (utility, register):
        with pytest.raises(InvalidValueError, match="verifactu"):
            await register.use(FiscalMode.VERIFACTU, None, CHIEF, WHY)
        with pytest.raises(FiscalIssuerError, match="Producer SL"):
            await register.use(FiscalMode.VERIFACTU, NAMELESS, CHIEF, WHY)
        with pytest.raises(FiscalIssuerError, match="Sierra Power"):
            await issued(utility, "A-1")
        assert (await bill(utility, "A-1", "2026-10")).number is None
        await register.use(FiscalMode.NONE, None, CHIEF, "not obliged")
        assert (await issued(utility, "A-1")).number == "INV-000001"
        verified = await register.verify()
        assert (verified.mode, verified.chains, verified.holds) == (FiscalMode.NONE, (), True)
