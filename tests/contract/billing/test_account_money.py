"""The ledger's money reconciles to the cent, and a cent that is planted is seen, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import psycopg
import pytest

from central.adapters.timescale.views.billing import TimescaleBilling
from central.domain.billing.ledger import EntryKind, LedgerEntry
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.approve_bills import DiscardBills
from central.service.billing.post_entries import AccountLedger
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope, Reconciliation
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.ports.registry import AgreementRecord, PointChannelRecord, PointRecord
from central.service.registry.groups import NamedGroups
from central.service.views.lookup import NotFoundError
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import CLERK, person
from tests.support.books import Utility, pool_of, timescale_utility
from tests.support.daily_books import TARIFF, at, bill, found, measured, run, settle
from tests.support.servers import Database

OCTOBER, NOVEMBER, DECEMBER = (date(2026, month, 1) for month in (10, 11, 12))
MONTH = DayRange(OCTOBER, NOVEMBER)
PAY_IN = LedgerEntry(
    "p-1", "A-1", EntryKind.PAY_IN, date(2026, 10, 10), "EUR", Decimal("150.00"), "prepaid"
)


async def paid(utility: Utility) -> None:
    """Two customers with a prepaid balance and credit of a campaign, and October issued."""
    await found(utility, 2, since=OCTOBER)
    text = TARIFF.format(name="FLAT", price="0.30")
    text += "banks: {campaign: {unit: money, offsets: [energy], expires_months: 2}}\n"
    await utility.enrol.tariff(text + "settlement: [prepaid]\n", reason="prepaid meters")
    for channel in (1, 2):
        await measured(utility, OCTOBER, DECEMBER, channel=channel)
    await post(
        utility,
        PAY_IN,
        replace(PAY_IN, key="p-2", account="A-2", amount=Decimal("20.10")),
        replace(PAY_IN, key="g-1", kind=EntryKind.GRANT, bank="campaign", amount=Decimal(10)),
        replace(PAY_IN, key="p-3", day=date(2026, 11, 5), amount=Decimal("0.05")),
    )
    await settle(utility, "2026-10")


async def post(utility: Utility, *entries: LedgerEntry) -> None:
    use = AccountLedger(utility.ledger, utility.billing, lambda: utility.now)
    for entry in entries:
        await use.post(entry, person("cashier"), "transfer")


async def reported(utility: Utility, days: DayRange = MONTH, **scope: str) -> Reconciliation:
    asked = ReconciledScope(days, **scope)
    return await Reconcile(utility.reconciliation, lambda: utility.now)(asked)


def money(report: Reconciliation) -> dict[str, list[str]]:
    """Received, applied, refunded, expired and balance by account."""
    assert report.balanced, report.unbalanced_accounts
    return {
        row.account: [
            format(value.quantize(Decimal("0.01")), "f")
            for value in (row.received, row.applied, row.refunded, row.expired, row.balance)
        ]
        for row in report.accounts
    }


async def test_what_was_received_is_what_became_of_it(utility: Utility) -> None:
    await paid(utility)
    october = {
        "A-1": ["160.00", "93.00", "0.00", "0.00", "67.00"],
        "A-2": ["20.10", "20.10", "0.00", "0.00", "0.00"],
    }
    assert money(await reported(utility)) == october
    utility.now = at(date(2026, 12, 2))
    # A-1 leaves: what is left is paid back. Of A-2's a part goes back, and a part lapses.
    fifty = replace(PAY_IN, key="p-4", account="A-2", day=NOVEMBER, amount=Decimal(50))
    back = LedgerEntry("b-1", "A-2", EntryKind.REFUND, NOVEMBER, "EUR", Decimal(20), of="p-4")
    lapsed = replace(back, key="b-2", kind=EntryKind.EXPIRY, amount=Decimal("0.99"))
    uid = str((await bill(utility, "A-2", "2026-10")).uid)
    owed = LedgerEntry("o-1", "A-2", EntryKind.PAYMENT, NOVEMBER, "EUR", Decimal(72), bill=uid)
    await post(utility, fifty, back, lapsed, owed, replace(owed, key="o-2", bill=""))
    end = date(2026, 11, 16)
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "FLAT", OCTOBER, end))
    await run(utility, "2026-11")
    november = DayRange(NOVEMBER, DECEMBER)
    assert money(await reported(utility, november)) == {
        "A-1": ["160.05", "138.00", "22.05", "0.00", "0.00"],
        "A-2": ["214.10", "121.11", "20.00", "0.99", "72.00"],
    }
    assert money(await reported(utility)) == october
    # Discarded, the bill's entries are open, and the balance is what it was.
    draft = await bill(utility, "A-2", "2026-11")
    await DiscardBills(utility.billing, lambda: utility.now)([draft.uid], CLERK)
    report = await reported(utility, november, account="A-2")
    (row,) = report.accounts
    assert (row.applied, row.balance) == (Decimal("92.10"), Decimal("101.01"))
    assert not row.difference


async def test_it_goes_by_account_tariff_and_group(utility: Utility) -> None:
    await paid(utility)
    groups = NamedGroups(utility.registry, CLERK, lambda: utility.now)
    await groups.add(GroupRecord("north", GroupOf.POINT))
    await groups.assign("north", Membership("SP-2", OCTOBER))
    assert list(money(await reported(utility, group="north"))) == ["A-2"]
    assert list(money(await reported(utility, account="A-1"))) == ["A-1"]
    assert list(money(await reported(utility, tariff="FLAT"))) == ["A-1", "A-2"]
    assert money(await reported(utility, tariff="DEAR")) == {}
    report = await reported(utility, run="2026-10")
    (total,) = report.to_json()["ledger"]
    assert (total["accounts"], total["received"], total["balanced"]) == (2, "180.10", True)
    with pytest.raises(NotFoundError):
        await reported(utility, account="A-7")
    # Who lived at the point before has no part in what a group of points has now.
    await utility.enrol.agreement(AgreementRecord("A-2", "SP-2", "FLAT", OCTOBER, NOVEMBER))
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-2", "FLAT", NOVEMBER))
    later = await reported(utility, DayRange(NOVEMBER, DECEMBER), group="north")
    assert list(money(later)) == ["A-1"]


PLANTED = (
    "UPDATE ledger_entry SET amount = amount + 0.01 WHERE key = 'p-1'",
    "UPDATE bank_movement SET applied = applied + 0.01 WHERE received = 150",
    "UPDATE bank_movement SET received = received + 0.01 WHERE received = 150",
    (
        "UPDATE bill_figures SET figures = replace(figures, '\"-83.00\"', '\"-83.01\"')"
        " WHERE bill_id IN"
        " (SELECT bill_id FROM bill_line WHERE charge = 'prepaid' AND amount = -83)"
    ),
    "UPDATE account_state SET closing = replace(closing::text, '\"67\"', '\"67.01\"')::jsonb",
    "DELETE FROM ledger_use WHERE entry_id = (SELECT id FROM ledger_entry WHERE key = 'p-1')",
    "DELETE FROM bank_movement WHERE received = 150",
)


async def test_a_point_that_is_settled_leaves_what_is_paid_to_the_account(utility: Utility) -> None:
    await found(utility, 1, since=OCTOBER)
    text = TARIFF.format(name="FLAT", price="0.30")
    await utility.enrol.tariff(text + "settlement: [prepaid]\n", reason="prepaid meters")
    point = PointRecord("SP-B", "UTC")
    await utility.enrol.service_point(
        point, PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR)
    )
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-B", "FLAT", OCTOBER))
    for channel in (1, 2):
        await measured(utility, OCTOBER, DECEMBER, channel=channel)
    await settle(utility, "2026-10")
    await post(utility, replace(PAY_IN, day=date(2026, 10, 31), amount=Decimal(500)))
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-B", "FLAT", OCTOBER, NOVEMBER))
    await settle(utility, "2026-10")
    settled = await bill(utility, "A-1", "2026-10")
    assert [entry.line.id for entry in settled.bill.lines] == ["yearly-settlement"]
    utility.now = at(date(2026, 12, 3))
    await settle(utility, "2026-11")
    november = await reported(utility, DayRange(NOVEMBER, DECEMBER))
    assert money(november) == {"A-1": ["500.00", "90.00", "0.00", "0.00", "410.00"]}


async def test_pages_show_what_the_bill_comes_to(migrated: Database) -> None:
    async with timescale_utility(migrated.dsn) as utility:
        pool = pool_of(utility)
        await paid(utility)
        (account,) = (
            await (views := TimescaleBilling(pool)).accounts(today=NOVEMBER, search="A-1", limit=1)
        ).rows
        (shown,) = (await views.bills(account=account.account, limit=9)).rows
        amounts = (await bill(utility, "A-1", "2026-10")).bill.amounts
        assert shown.amounts == amounts
        assert amounts.settled == -amounts.total
        assert amounts.due == 0


async def test_a_cent_that_is_planted_is_seen(migrated: Database) -> None:
    async with timescale_utility(migrated.dsn) as utility:
        await paid(utility)
        for statement in PLANTED:
            assert (await reported(utility)).balanced
            with psycopg.connect(migrated.dsn, autocommit=True) as owner:
                owner.execute("SET session_replication_role = replica")
                saved = (
                    *("ledger_entry", "ledger_use", "bank_movement", "bill_figures", "bill_part"),
                    "account_state",
                )
                for table in saved:
                    owner.execute(f"CREATE TEMP TABLE was_{table} AS TABLE {table}".encode())
                assert owner.execute(statement.encode()).rowcount > 0
                report = await reported(utility)
                assert not report.balanced, statement
                assert [row.account for row in report.unbalanced_accounts] == ["A-1"], statement
                for table in saved:
                    owner.execute(f"DELETE FROM {table}".encode())  # noqa: S608
                    always = "OVERRIDING SYSTEM VALUE" if "entry" in table else ""
                    if table == "bill_part":
                        always = "OVERRIDING SYSTEM VALUE"
                    owner.execute(
                        f"INSERT INTO {table} {always} SELECT * FROM was_{table}".encode()  # noqa: S608
                    )
