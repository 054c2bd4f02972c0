"""Parts of one account follow one another, and what ends with one stands on the bill."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from central.domain.billing.bill import Account, Bill, Party, RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.planned import AgreedTerm, OccupancyChain, PlannedBill, PlannedPart
from central.domain.billing.state import BillState
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState, Credit, Origin, Peak, YearSum
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.state_rules import Owner
from central.service.billing.rate_accounts import rate_accounts
from central.service.billing.tariffs import Tariffs
from central.service.ports.bill_shard import AccountWork, NewBill, SupplyWork
from central.service.ports.registry import TariffRecord
from tests.support.months import HEAD, ZONE
from tests.support.rating import blocks_from

OCTOBER = Cycle.parse("2026-10").period
MIDDLE = date(2026, 10, 16)
NET = HEAD.replace("{kwh: {sum: import}}", "{kwh: {sum: import, bank: solar, netting: month}}")
OLD = NET.replace("tariff: t", "tariff: old") + (
    "banks: {solar: {unit: kWh, true_up: {month: 4, pay: 0.05}}}\n"
)
RENAMED = NET.replace("tariff: t", "tariff: renamed").replace("solar", "sun") + (
    "banks: {sun: {unit: kWh}}\ntakes_over: {solar: sun}\n"
)
HEIR = NET.replace("tariff: t", "tariff: heir") + (
    "banks: {solar: {unit: kWh}}\ntakes_over: {solar: solar}\n"
)
PLAIN = HEAD.replace("tariff: t", "tariff: plain")
SAVED = CarriedState(credits=(Credit("solar", "", date(2026, 9, 1), Fraction("595.2")),))
TEXTS = {
    "old": OLD,
    "heir": HEIR,
    "renamed": RENAMED,
    "plain": PLAIN,
    "levelled": HEAD + "settlement: [budget_billing]\n",
}
TARIFFS = Tariffs(
    {
        name: [TariffRecord(name, date(2020, 1, 1), text, name.encode().hex(), "EUR")]
        for name, text in TEXTS.items()
    },
    OCTOBER.days,
)


def supply(
    agreement: int, tariff: str, days: DayRange, opening: CarriedState | None = None
) -> SupplyWork:
    """An agreement that uses 24 kWh a day."""
    blocks = {"import": blocks_from(days, ZONE, 3600, lambda _: 1000)}
    state = opening or CarriedState()
    facts = AgreementFacts()
    return SupplyWork(1, agreement, "SP-1", ZONE, tariff, days, facts, state, blocks)


FIRST_HALF = DayRange(OCTOBER.days.first, MIDDLE)
SECOND_HALF = DayRange(MIDDLE, OCTOBER.days.end)


def billed(
    *supplies: SupplyWork, plan: PlannedBill | None = None, tariffs: Tariffs = TARIFFS
) -> NewBill:
    account = Account("A-1", Party("Buyer"), Party("Seller"))
    plan = plan or PlannedBill(1, OCTOBER, RunType.REGULAR, ())
    (bill,) = rate_accounts([AccountWork(plan, account, supplies)], OCTOBER, tariffs)
    return bill


def of_texts(*texts: tuple[str, date, str]) -> Tariffs:
    """Tariffs of versions: name, first day and text."""
    records: dict[str, list[TariffRecord]] = {}
    for name, effective, text in texts:
        record = TariffRecord(name, effective, text, f"{name}{effective}".encode().hex(), "EUR")
        records.setdefault(name, []).append(record)
    return Tariffs(records, OCTOBER.days)


def lines(bill: NewBill) -> list[tuple[str, str]]:
    return [(entry.line.id, format(entry.line.amount, "f")) for entry in bill.bill.lines]


def test_a_bank_goes_on_under_a_tariff_that_takes_it_over() -> None:
    bill = billed(supply(1, "old", FIRST_HALF, SAVED), supply(2, "heir", SECOND_HALF))
    # 595.2 less 360 until the 15th, 385 hours after it: 149.8 kWh are not paid by the bank.
    assert lines(bill) == [("energy", "0.00"), ("energy", "149.80")]
    assert bill.parts[1].closing == CarriedState()
    assert bill.parts[0].closing.credits[0].amount == Fraction("235.2")
    assert bill.parts[0].closing.tariff == "heir"


@pytest.mark.parametrize(("heir", "name"), [("heir", "solar"), ("renamed", "sun")])
def test_a_bill_says_what_it_did_to_a_bank(heir: str, name: str) -> None:
    bill = billed(supply(1, "old", FIRST_HALF, SAVED), supply(2, heir, SECOND_HALF)).bill
    assert bill.bank_texts == (
        "Bank solar: 595.2 kWh before, 0 added, 360 drawn, 235.2 kWh left.",
        f"Bank {name}: 235.2 kWh before, 0 added, 235.2 drawn, 0 kWh left.",
    )
    assert Bill.from_json(bill.to_json()) == bill


def test_a_bank_that_a_version_inside_the_bill_renames_is_said_under_both_names() -> None:
    later = OLD.replace("solar", "sun").replace("2020-01-01", str(MIDDLE))
    tariffs = of_texts(("old", date(2020, 1, 1), OLD), ("old", MIDDLE, later))
    whole = supply(1, "old", OCTOBER.days, SAVED)
    surplus = blocks_from(OCTOBER.days, ZONE, 3600, lambda at: 1000 if at.day < 16 else -500)
    bill = billed(replace(whole, blocks={"import": surplus}, final=False), tariffs=tariffs)
    assert ("solar-settlement", "-11.76") in lines(bill)
    assert bill.bill.bank_texts == (
        "Bank solar: 595.2 kWh before, 0 added, 360 drawn, 235.2 paid out or expired, 0 kWh left.",
        "Bank sun: 0 kWh before, 192.5 added, 0 drawn, 192.5 kWh left.",
    )


WALLET = HEAD.replace("tariff: t", "tariff: wallet") + "banks: {wallet: {offsets: energy}}\n"
PURSE = HEAD.replace("tariff: t", "tariff: purse") + (
    "banks: {purse: {offsets: energy}}\ntakes_over: {wallet: purse}\n"
)
MONEY = CarriedState(credits=(Credit("wallet", "", date(2026, 9, 1), Fraction(500)),))
BEGINNING = date(2020, 1, 1)


@pytest.mark.parametrize("after", ["purse", "plain"])
def test_money_that_another_tariff_names_is_not_lost(after: str) -> None:
    tariffs = of_texts(
        ("wallet", BEGINNING, WALLET), ("purse", BEGINNING, PURSE), ("plain", BEGINNING, PLAIN)
    )
    first = supply(1, "wallet", FIRST_HALF, MONEY)
    bill = billed(first, supply(2, after, SECOND_HALF), tariffs=tariffs)
    money = [move for part in bill.parts for move in part.money]
    paid = [
        (move.bank, *map(int, (move.opened, move.applied, move.expired, move.left)))
        for move in money
    ]
    if after == "plain":
        assert paid == [("wallet", 500, 360, 140, 0)]
        return
    assert paid == [("wallet", 500, 360, 0, 140), ("purse", 140, 140, 0, 0)]
    # Likewise where the bill before did not know of the next tariff.
    late = billed(supply(2, after, SECOND_HALF, MONEY.named_by("wallet")), tariffs=tariffs)
    (moved,) = late.parts[0].money
    assert [int(amount) for amount in (moved.opened, moved.applied, moved.left)] == [500, 385, 115]
    assert moved.bank == "purse"


def test_money_that_the_first_bill_of_the_next_tariff_settles_is_said() -> None:
    tariffs = of_texts(("wallet", BEGINNING, WALLET), ("plain", BEGINNING, PLAIN))
    late = billed(supply(2, "plain", SECOND_HALF, MONEY.named_by("wallet")), tariffs=tariffs)
    (moved,) = late.parts[0].money
    assert [int(amount) for amount in (moved.opened, moved.expired, moved.left)] == [500, 500, 0]
    assert moved.bank == "wallet"


def test_what_is_paid_out_of_a_bank_is_said() -> None:
    bill = billed(supply(1, "old", FIRST_HALF, SAVED), supply(2, "plain", SECOND_HALF)).bill
    (text,) = bill.bank_texts
    assert text.endswith("360 drawn, 235.2 paid out or expired, 0 kWh left.")
    assert ("banks" in bill.supplies[0].to_json(), "banks" in bill.supplies[1].to_json()) == (
        True,
        False,
    )


def test_a_bank_is_paid_out_before_a_tariff_that_does_not_take_it_over() -> None:
    bill = billed(supply(1, "old", FIRST_HALF, SAVED), supply(2, "plain", SECOND_HALF))
    assert lines(bill) == [
        ("energy", "0.00"),
        ("solar_settlement", "-11.76"),
        ("energy", "385.00"),
    ]


def test_a_bank_ends_with_the_occupancy() -> None:
    left = ("solar_settlement", "-11.76")
    assert left in lines(billed(supply(1, "old", FIRST_HALF, SAVED)))
    whole = supply(1, "old", OCTOBER.days, SAVED)
    assert lines(billed(whole)) == [("energy", "149.80")]
    some = replace(SAVED, credits=(replace(SAVED.credits[0], amount=Fraction(1000)),))
    final = replace(whole, opening=some, final=True)
    assert lines(billed(final)) == [("energy", "0.00"), ("solar_settlement", "-12.75")]
    going_on = replace(supply(1, "old", FIRST_HALF, SAVED), final=False)
    assert left not in lines(billed(going_on))


def test_a_move_out_and_in_again_is_two_occupancies() -> None:
    later = DayRange(MIDDLE + timedelta(days=1), OCTOBER.days.end)
    bill = billed(supply(1, "old", FIRST_HALF, SAVED), supply(2, "old", later))
    assert ("solar_settlement", "-11.76") in lines(bill)
    assert bill.parts[1].closing == CarriedState()


def test_a_deferral_is_settled_with_the_last_part_of_the_account() -> None:
    deferred = CarriedState(
        sums=(YearSum("budget_billing", Decimal("103.33"), Origin(owner=Owner.ACCOUNT)),)
    )
    left = replace(supply(1, "levelled", FIRST_HALF, deferred), final=True, account_stays=False)
    stays = replace(supply(2, "plain", OCTOBER.days), occupancy_id=2, point="SP-2", final=False)
    bill = billed(left, stays)
    assert ("budget_billing", "103.33") in lines(bill)
    assert bill.parts[0].closing == CarriedState()


@pytest.mark.parametrize(
    ("after", "settled", "left"),
    [("plain", "-29.76", []), ("heir", None, ["heir"]), ("unknown", None, ["old"])],
)
def test_a_change_after_the_period_is_settled_on_the_last_bill_before_it(
    after: str, settled: str | None, left: list[str]
) -> None:
    terms = (
        AgreedTerm(1, "old", date(2026, 1, 1), OCTOBER.days.end),
        AgreedTerm(2, after, OCTOBER.days.end, None),
    )
    chain = OccupancyChain(1, 1, 1, "SP-1", ZONE, OCTOBER.days.first, None, terms)
    part = PlannedPart(chain, terms[0], OCTOBER.days)
    plan = PlannedBill(1, OCTOBER, RunType.REGULAR, (part,))
    whole = replace(supply(1, "old", OCTOBER.days, SAVED), final=False)
    unused = replace(whole, blocks={"import": blocks_from(OCTOBER.days, ZONE, 3600, lambda _: 0)})
    bill = billed(unused, plan=plan)
    assert dict(lines(bill)).get("solar_settlement") == settled
    closing = bill.parts[0].closing
    assert [closing.tariff for _ in closing.credits] == left


def test_what_follows_a_held_part_waits_for_it() -> None:
    held = replace(supply(1, "old", FIRST_HALF, SAVED), blocks={})
    bill = billed(held, supply(2, "heir", SECOND_HALF))
    assert bill.bill.state is BillState.HELD
    assert bill.bill.holds[-1].code == "EARLIER_NOT_BILLED"
    assert bill.bill.lines == ()


def test_a_state_of_another_tariff_is_handed_over_or_holds_the_bill() -> None:
    state = SAVED.named_by("old")
    bill = billed(supply(2, "plain", OCTOBER.days, state))
    assert ("solar_settlement", "-29.76") in lines(bill)
    unknown = billed(supply(2, "plain", OCTOBER.days, SAVED.named_by("gone")))
    (hold,) = unknown.bill.holds
    assert hold.code == "STATE_OF_ANOTHER_TARIFF"
    assert "conclude an agreement under gone from 2026-10-01 on" in hold.message
    peaks = CarriedState((Peak("kw", "", date(2026, 9, 1), Fraction(1)),)).named_by("plain")
    assert not billed(supply(2, "plain", OCTOBER.days, peaks)).bill.holds


def test_many_parts_follow_one_another_in_order_of_time() -> None:
    cut = [OCTOBER.days.first, date(2026, 10, 5), MIDDLE, OCTOBER.days.end]
    parts = [DayRange(*ends) for ends in pairwise(cut)]
    names = ["old", "heir", "heir"]
    opening = [SAVED, None, None]
    bill = billed(*map(supply, range(3), names, parts, opening))
    assert [Decimal(amount) for _, amount in lines(bill)] == [0, 0, Decimal("149.80")]
