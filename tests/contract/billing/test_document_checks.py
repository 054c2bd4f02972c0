"""What a document cannot print, or a structured invoice cannot be, holds a bill before issue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import pytest

from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.settings import TimescaleSettingsStore
from central.adapters.timescale.invoicing.invoicing import TimescaleInvoicing
from central.domain.billing.bill import Party
from central.domain.billing.invoicing import TermsOf
from central.domain.billing.state import BillState
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.billing.invoice_document import UnprintableTextError
from central.service.billing.structured_invoice import EInvoiceRulesError
from central.service.invoicing.set_invoicing import SetInvoicing
from central.service.ports.registry import AccountRecord, PointRecord
from tests.support.actors import CHIEF, CLERK
from tests.support.books import Utility, pool_of, timescale_utility
from tests.support.daily_books import approve, at, bill, found, heads, issue, measured, run
from tests.support.einvoices import packaged_rules
from tests.support.servers import Database

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
CYCLE = "2026-10"
TITLED = """\
tariff: FLAT
effective: 2026-01-01
title: "{title}"
zone: UTC
currency: {{code: EUR, digits: 2}}
determinants: {{kwh: {{sum: import}}}}
charges: [{{id: energy, qty: kwh, price: 0.30}}]
"""


async def settings(utility: Utility, change: SettingsChange, effective: date | None = None) -> None:
    use_case = ChangeSettings(TimescaleSettingsStore(pool_of(utility)), lambda: utility.now)
    await use_case(change, CLERK, "wanted", effective)


async def say(utility: Utility, kind: TermsOf, name: str, **members: str) -> None:
    store = TimescaleInvoicing(pool_of(utility))
    await SetInvoicing(store, lambda: utility.now)(kind, name, members, CLERK, "wanted")


async def holds(utility: Utility) -> dict[str, Sequence[tuple[str, str, str]]]:
    """What holds the bills of the month, once they are run again."""
    summary = await run(utility, CYCLE)
    return {
        head.account: [(hold.code, hold.message, hold.evidence) for hold in head.holds]
        for head in await heads(utility, summary)
    }


async def test_what_is_printed_beside_a_bill_holds_it_with_its_characters_named(
    plain_migrated: Database,
) -> None:
    async with timescale_utility(plain_migrated.dsn_as("meterline_app")) as utility:
        await found(utility, 2, since=OCTOBER)
        for channel in (1, 2):
            await measured(utility, OCTOBER, NOVEMBER, channel)
        utility.now = at(date(2026, 11, 2))
        await utility.enrol.service_point(PointRecord("SP-2", "UTC", address="北京 1"))
        # Templates that print no addresses are not held by one.
        assert await holds(utility) == {"A-1": [], "A-2": []}
        # One that is to hold from a later day is looked at today: a bill may be issued then.
        await settings(utility, SettingsChange(template="invoice-4"), date(2027, 1, 1))
        message = (
            "The invoice's fonts cannot print the address of the service point: they have no"
            " U+5317 CJK UNIFIED IDEOGRAPH-5317, U+4EAC CJK UNIFIED IDEOGRAPH-4EAC."
        )
        expected = (
            "UNPRINTABLE_TEXT",
            message,
            "北京 1",
        )
        assert await holds(utility) == {"A-1": [], "A-2": [expected]}
        # What was a draft before is not approved either, and what is mended is let go.
        assert await approve(utility, await run(utility, CYCLE)) == []
        await utility.enrol.service_point(PointRecord("SP-2", "UTC", address="Calle Ñ 1"))
        assert await holds(utility) == {"A-1": [], "A-2": []}
        assert await approve(utility, await run(utility, CYCLE)) == []
        assert await issue(utility, await run(utility, CYCLE)) == []


async def test_the_title_of_a_tariff_and_an_approved_bill(plain_migrated: Database) -> None:
    async with timescale_utility(plain_migrated.dsn_as("meterline_app")) as utility:
        await found(utility, since=OCTOBER)
        await settings(utility, SettingsChange(template="invoice-4"))
        await measured(utility, OCTOBER, NOVEMBER)
        utility.now = at(date(2026, 11, 2))
        await approve(utility, await run(utility, CYCLE))
        # Said after it was approved: it is not issued, but made anew.
        await utility.enrol.service_point(PointRecord("SP-1", "UTC", address="東京"))
        assert await issue(utility, await run(utility, CYCLE)) == [("A-1", "BILL_STALE")]
        ((code, message, _),) = (await holds(utility))["A-1"]
        assert code == "UNPRINTABLE_TEXT"
        assert "U+6771" in message
        await utility.enrol.service_point(PointRecord("SP-1", "UTC"))
        await utility.enrol.tariff(TITLED.format(title="Tarifa 電"), reason="titled")
        ((code, message, evidence),) = (await holds(utility))["A-1"]
        assert (code, evidence) == ("UNPRINTABLE_TEXT", "Tarifa 電")
        assert "title of a tariff" in message


async def test_a_bill_that_breaks_a_rule_of_e_invoices_is_held_with_the_rule_named(
    plain_migrated: Database,
) -> None:
    async with timescale_utility(plain_migrated.dsn_as("meterline_app")) as utility:
        utility.billing = TimescaleBillingStore(pool_of(utility), packaged_rules())
        await found(utility, since=OCTOBER)
        await utility.enrol.account(AccountRecord("A-1", Party("Ana", ("Calle 9", "28001 Madrid"))))
        await measured(utility, OCTOBER, NOVEMBER)
        utility.now = at(date(2026, 11, 2))
        assert await holds(utility) == {"A-1": []}
        await settings(utility, SettingsChange(einvoice="both", template="invoice-5"))
        # Nobody said in which country seller and buyer are.
        ((code, message, rules),) = (await holds(utility))["A-1"]
        assert code == "EINVOICE_RULES"
        assert "BR-09" in rules.split(", ")
        assert "BR-11" in rules.split(", ")
        assert rules in message
        assert (await heads(utility, await run(utility, CYCLE)))[0].state is BillState.HELD
        await say(utility, TermsOf.SELLER, "", country="ES", legal_id="M-1")
        await say(utility, TermsOf.ACCOUNT, "A-1", country="ES")
        assert await holds(utility) == {"A-1": []}
        assert await approve(utility, await run(utility, CYCLE)) == []
        assert await issue(utility, await run(utility, CYCLE)) == []
        issued = await bill(utility, "A-1", CYCLE)
        assert issued.issue is not None
        assert issued.issue.einvoice == "both"


async def test_a_bill_that_cannot_be_an_e_invoice_is_held(plain_migrated: Database) -> None:
    async with timescale_utility(plain_migrated.dsn_as("meterline_app")) as utility:
        await found(utility, since=OCTOBER)
        kuwait = TITLED.format(title="Three decimals")
        kuwait = kuwait.replace("EUR, digits: 2", "KWD, digits: 3")
        await utility.enrol.tariff(kuwait, reason="abroad")
        await measured(utility, OCTOBER, NOVEMBER)
        utility.now = at(date(2026, 11, 2))
        await settings(utility, SettingsChange(einvoice="ubl", template="invoice-5"))
        ((code, message, evidence),) = (await holds(utility))["A-1"]
        assert (code, evidence) == ("EINVOICE_IMPOSSIBLE", "KWD")
        assert "3 decimals" in message
        await settings(utility, SettingsChange(einvoice="none"))
        assert await holds(utility) == {"A-1": []}


async def proposed_note(utility: Utility) -> UUID:
    """An issued bill's credit note, approved."""
    store = TimescaleCancellations(pool_of(utility))
    issued = await bill(utility, "A-1", CYCLE)
    cancel = CancelBills(utility.billing, store, lambda: utility.now)
    (uid,) = await cancel([issued.uid], CLERK, "wrong tariff")
    await ApproveBills(utility.billing, lambda: utility.now).one(uid, CHIEF)
    return uid


async def state_of(utility: Utility, uid: UUID) -> tuple[BillState, str | None]:
    record = await utility.billing.bill(uid)
    assert record is not None
    return record.bill.state, record.number


async def test_a_credit_note_is_not_issued_before_its_document_can_be_made(
    plain_migrated: Database,
) -> None:
    async with timescale_utility(plain_migrated.dsn_as("meterline_app")) as utility:
        utility.billing = TimescaleBillingStore(pool_of(utility), packaged_rules())
        await found(utility, since=OCTOBER)
        await say(utility, TermsOf.SELLER, "", country="ES", legal_id="M-1")
        await say(utility, TermsOf.ACCOUNT, "A-1", country="ES")
        await utility.enrol.account(AccountRecord("A-1", Party("Ana", ("Calle 9", "28001 Madrid"))))
        await measured(utility, OCTOBER, NOVEMBER)
        utility.now = at(date(2026, 11, 2))
        await settings(utility, SettingsChange(einvoice="both", template="invoice-5"))
        assert await approve(utility, await run(utility, CYCLE)) == []
        assert await issue(utility, await run(utility, CYCLE)) == []
        # Said after the bill was issued: no run rates the credit note, which prints it as well.
        await utility.enrol.service_point(PointRecord("SP-1", "UTC", address="東京 1"))
        uid = await proposed_note(utility)
        issuing = IssueBills(utility.billing, lambda: utility.now)
        with pytest.raises(UnprintableTextError, match=r"U\+6771.*U\+4EAC") as unprintable:
            await issuing.one(uid, CHIEF)
        assert unprintable.value.value == "東京 1"
        assert await state_of(utility, uid) == (BillState.APPROVED, None)
        await utility.enrol.service_point(PointRecord("SP-1", "UTC", address="Calle Ñ 1"))
        await say(utility, TermsOf.ACCOUNT, "A-1", country="")
        with pytest.raises(EInvoiceRulesError, match="BR-11"):
            await issuing.one(uid, CHIEF)
        assert await state_of(utility, uid) == (BillState.APPROVED, None)
        await say(utility, TermsOf.ACCOUNT, "A-1", country="ES")
        await issuing.one(uid, CHIEF)
        # The numbers of the attempts are not gone.
        assert await state_of(utility, uid) == (BillState.ISSUED, "CN-000001")
