"""Charges and credits of an account: a bill takes them, they wait for one, or they hold it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.billing.bill import Account, Party, RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.ledger import EntryKind, OpenEntry
from central.domain.billing.planned import PlannedBill
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState, Credit
from central.domain.rating.inputs.expiry import NEVER
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.rate_accounts import rate_accounts
from central.service.billing.tariffs import Tariffs
from central.service.ports.bill_shard import AccountWork, NewBill, SupplyWork
from central.service.ports.registry import TariffRecord
from tests.support.months import HEAD, ZONE
from tests.support.rating import blocks_from

OCTOBER = Cycle.parse("2026-10").period
TAX = "taxes: [{id: vat, percent: 10, of: all, point: interval}]\n"
BANK = HEAD.replace("import}", "import, bank: solar, netting: month}") + (
    "banks: {solar: {unit: kWh, at_end: {pay: 0.05}}}\n"
)
ORDER = OpenEntry(
    7, "", date(2026, 10, 10), "EUR", Decimal("40.00"), "", EntryKind.CHARGE, "so-17",
    "Reconnection", ("vat",),
)  # fmt: skip


def tariffs(**texts: str) -> Tariffs:
    records: dict[str, list[TariffRecord]] = {}
    for name, source in texts.items():
        base, _, year = name.partition("_")
        effective = date(int(year or 2020), 11, 1)
        text = source.replace("2020-01-01", str(effective))
        record = TariffRecord(base, effective, text, name.encode().hex(), "EUR")
        records.setdefault(base, []).append(record)
    return Tariffs(records, OCTOBER.days)


def supply(tariff: str) -> SupplyWork:
    """745 kWh in October, one an hour."""
    blocks = {"import": blocks_from(OCTOBER.days, ZONE, 3600, lambda _: 1000)}
    nothing = CarriedState()
    return SupplyWork(
        1, 1, "SP-1", ZONE, tariff, OCTOBER.days, AgreementFacts(), nothing, blocks, final=False
    )


def billed(
    known: Tariffs,
    brought: SupplyWork,
    *entries: OpenEntry,
    elsewhere: frozenset[str] = frozenset(),
) -> NewBill:
    account = Account("A-1", Party("Buyer"), Party("Seller"))
    plan = PlannedBill(1, OCTOBER, RunType.REGULAR, (), elsewhere=elsewhere)
    work = AccountWork(plan, account, (brought,), entries=entries)
    (bill,) = rate_accounts([work], OCTOBER, known)
    return bill


def lines(bill: NewBill) -> dict[str, str]:
    return {entry.line.id: format(entry.line.amount, "f") for entry in bill.bill.lines}


def holds(bill: NewBill) -> list[str]:
    return [hold.code for hold in bill.bill.holds]


def test_a_charge_is_taken_with_its_taxes() -> None:
    bill = billed(tariffs(flat=HEAD + TAX), supply("flat"), ORDER)
    assert lines(bill) == {"energy": "745.00", "one-off": "40.00", "vat": "78.50"}
    assert bill.parts[0].entries == (7,)


def test_a_charge_whose_taxes_no_tariff_has_any_more_holds_the_bill_by_name() -> None:
    bill = billed(tariffs(flat=HEAD), supply("flat"), ORDER)
    assert holds(bill) == ["ONE_OFF_NOT_BILLED"]
    (hold,) = bill.bill.holds
    assert hold.evidence == "so-17"
    assert "vat" in hold.message
    assert "expiry" in hold.message
    assert bill.parts[0].entries == ()
    in_yen = billed(tariffs(flat=HEAD + TAX), supply("flat"), ORDER._replace(currency="JPY"))
    assert holds(in_yen) == ["ONE_OFF_NOT_BILLED"]


@pytest.mark.parametrize(
    ("known", "elsewhere", "entry"),
    [
        # A later version of the tariff has the tax.
        (tariffs(flat=HEAD, flat_2026=HEAD + TAX), frozenset(), ORDER),
        # Another point's tariff has it.
        (tariffs(flat=HEAD, other=HEAD + TAX), frozenset({"other"}), ORDER),
        # It counts from a day after the bill.
        (tariffs(flat=HEAD), frozenset(), ORDER._replace(day=date(2026, 11, 1))),
        # It is of another point.
        (tariffs(flat=HEAD), frozenset(), ORDER._replace(point="SP-2")),
    ],
)
def test_a_charge_waits_for_a_bill_to_come(
    known: Tariffs, elsewhere: frozenset[str], entry: OpenEntry
) -> None:
    bill = billed(known, supply("flat"), entry, elsewhere=elsewhere)
    assert holds(bill) == []
    assert bill.parts[0].entries == ()


def test_another_point_without_the_tax_lets_nothing_wait() -> None:
    known = tariffs(flat=HEAD, other=HEAD)
    bill = billed(known, supply("flat"), ORDER, elsewhere=frozenset({"other"}))
    assert holds(bill) == ["ONE_OFF_NOT_BILLED"]


@pytest.mark.parametrize(
    ("stays", "point", "taken"), [(False, "", True), (True, "SP-1", True), (True, "", False)]
)
def test_a_final_settlement_takes_what_waits(stays: bool, point: str, taken: bool) -> None:  # noqa: FBT001
    """But what is of no point, where the account is billed on elsewhere."""
    left = CarriedState(credits=(Credit("solar", "", date(2026, 9, 1), Fraction(100)),))
    end = OCTOBER.days.end
    settling = replace(
        supply("net"),
        days=DayRange(end, end + timedelta(days=1)),
        opening=left,
        blocks={},
        final=True,
        settles=True,
        account_stays=stays,
    )
    known = tariffs(net=BANK + TAX, other=BANK + TAX)
    elsewhere = frozenset({"other"}) if stays else frozenset[str]()
    bill = billed(known, settling, ORDER._replace(point=point), elsewhere=elsewhere)
    assert holds(bill) == []
    # 100 kWh at 0.05 are paid out, after taxes.
    wanted = {"one-off": "40.00", "vat": "4.00"} if taken else {}
    assert lines(bill) == wanted | {"solar_settlement": "-5.00"}
    assert bill.parts[0].entries == ((7,) if taken else ())


def test_what_lapses_of_a_bank_that_export_fills_is_said_beside_what_it_earned() -> None:
    sun = HEAD.replace("import}}", "import}, sold: {sum: export}}") + (
        "banks: {sun: {earn: sold, price: 0.10, offsets: energy, when: next_bill}}\n"
    )
    sold = blocks_from(OCTOBER.days, ZONE, 3600, lambda _: 1000, channel_id=2)
    september = date(2026, 9, 1)
    left = CarriedState(
        credits=(
            Credit("sun", "", september, Fraction(30), expires=OCTOBER.days.first),
            Credit("sun", "", september, Fraction(20), expires=OCTOBER.days.last),
        )
    )
    given = supply("flat")
    given = replace(given, opening=left, blocks={**given.blocks, "export": sold})
    gift = OpenEntry(
        9, "sun", date(2026, 10, 2), "EUR", Decimal(5), "", EntryKind.GRANT, "gift", "", (), NEVER
    )
    bill = billed(tariffs(flat=sun), given, gift)
    (moved,) = bill.parts[0].money
    # 745 kWh are sold; 30.00 had lapsed before October, the 20.00 and 5.00 pay of its 745.00.
    amounts = (moved.opened, moved.received, moved.earned, moved.applied, moved.expired, moved.left)
    assert amounts == tuple(map(Decimal, ("50", "5", "74.5", "25", "30", "74.5")))
