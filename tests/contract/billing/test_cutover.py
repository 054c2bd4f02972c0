"""Customers who are taken over from another billing system, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from central.adapters.timescale.billing.drawdowns import TimescaleDrawdowns
from central.domain.billing.bill import Bill
from central.domain.billing.cutover_opening import CutoverOpening
from central.domain.billing.cycle import Cycle
from central.domain.billing.drawdown import drawdowns
from central.domain.billing.occupancy import OpeningKeptError
from central.domain.rating.inputs.carried_state import Credit, Peak, YearSum
from central.domain.rating.inputs.expiry import NEVER
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.state_rules import Owner
from central.service.billing.run_bills import RunBills
from central.service.ports.registry import AgreementRecord
from central.service.registry.cutover_file import CutoverFileError, read_cutover_file
from central.service.registry.import_cutover import (
    CutoverRefusedError,
    CutoverResult,
    import_cutover,
)
from central.service.registry.record_changes import Effect
from tests.support.actors import CLERK
from tests.support.books import Utility, month, pool_of
from tests.support.ingest import Edge

TARIFF = """\
tariff: SOLAR
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR, digits: 2}
cycle: {normal_days: 30}
state: {kw: {months: 11, missing: ignore}}
determinants:
  kwh: {sum: import}
  kw: {max: import, window: 15m}
  over: {sum: import, side: use, netting: year, begins: 2026-03-01}
  billed_kw: {expr: "max(current(kw), prior(kw, pct: 80))", unit: kW}
charges:
  - {id: energy, qty: kwh, price: 0.30}
  - {id: demand, qty: billed_kw, price: 9.00}
  - {id: netted, qty: over, price: 0.10}
banks: {solar: {earn: kwh, price: 0.06, offsets: energy, when: next_bill}}
minimums: [{id: yearly, of: energy, amount: 240, per: year}]
settlement:
  - budget_billing: {months: 12, settle_up: 4}
"""

FILE = """\
number_series: {INV: 10233}
accounts:
  - number: A-1
    balance: -12.40
    points:
      - point: SP-1
        last_billed: 2026-09-30
        reads: [{meter: MTL/S1, obis: 1.8.0, value: 8421077}]
        banks: [{bank: solar, earned: 2026-08, amount: 595.2}]
        peaks: [{name: kw, month: 2026-07, value: 7.2}]
        sums: {yearly: 310.55}
        deferrals: {budget_billing: 103.33}
        totals: {2026-08: 45.10}
        nets: [{name: over, amount: -10.4}]
"""


SOLAR_SINCE = date(2026, 9, 15)


def _file(folder: Path, text: str = FILE) -> Path:
    path = folder / "cutover.yaml"
    path.write_text(text, encoding="utf-8")
    return path


async def _import(
    utility: Utility, folder: Path, text: str = FILE, *, reason: str = "", dry_run: bool = False
) -> CutoverResult:
    file = read_cutover_file(_file(folder, text))
    return await import_cutover(utility.enrol, file, reason=reason, dry_run=dry_run)


async def _found(utility: Utility) -> None:
    await utility.found()
    await utility.enrol.tariff(TARIFF)
    old = AgreementRecord("A-1", "SP-1", "HOME", date(2026, 9, 1), date(2026, 9, 15))
    await utility.enrol.agreement(old)
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "SOLAR", SOLAR_SINCE))


async def _opening_of_solar(utility: Utility) -> tuple[date, CutoverOpening | None]:
    async with utility.registry.transaction(utility.now) as registry:
        _, agreement = await registry.agreements("SP-1")
        (occupancy,) = await registry.occupancies(agreement)
        assert occupancy.id is not None
        return occupancy.billing_from, await registry.opening(occupancy.id)


async def test_a_read_that_does_not_go_with_the_first_readings_is_named(
    utility: Utility, tmp_path: Path
) -> None:
    edge = await utility.found(capacity=Decimal(10_000))
    await utility.enrol.tariff(TARIFF)
    # Nothing is known of the meter yet.
    plain = FILE.split("        banks", maxsplit=1)[0]
    assert (await _import(utility, tmp_path, plain, dry_run=True)).warnings == []
    readings = month()

    async def doubts(read: int) -> list[str]:
        text = plain.replace("8421077", str(read))
        done = await _import(utility, tmp_path, text, dry_run=True)
        return [f"{warning.code}: {warning.message}" for warning in done.warnings]

    # The first reading comes two hours after the cut-over.
    await utility.deliver(edge, readings[8:])
    assert await doubts(1_000) == await doubts(1_200) == []
    (above,) = await doubts(1_201)
    assert above.startswith("CUTOVER_READ_DOUBTFUL: The read 1201 of MTL/S1 1-0:1.8.0*255 is above")
    await utility.deliver(edge, readings[:1])
    assert await doubts(1_000) == []
    (other,) = await doubts(999)
    assert other.endswith("is not what the meter showed then: 1000.")


async def test_a_read_far_below_is_more_than_the_connection_carries(
    utility: Utility, tmp_path: Path
) -> None:
    edge = await utility.found(capacity=Decimal(10_000))
    late = [replace(reading, mantissa=90_000) for reading in month()[8:9]]
    await utility.deliver(edge, late)
    plain = FILE.split("        banks", maxsplit=1)[0]
    done = await _import(utility, tmp_path, plain.replace("8421077", "1000"), dry_run=True)
    (warning,) = done.warnings
    assert "90000 at 2026-10-01T00:00:00+00:00, that the connection could not carry" in str(warning)
    near = await _import(utility, tmp_path, plain.replace("8421077", "70000"), dry_run=True)
    assert near.warnings == []


async def test_the_chain_begins_on_the_day_after_the_last_billed(
    utility: Utility, tmp_path: Path
) -> None:
    await _found(utility)
    done = await _import(utility, tmp_path)
    assert [(taken.effect, taken.billing_from) for taken in done.taken] == [
        (Effect.ADDED, date(2026, 10, 1))
    ]
    assert done.numbers == {"INV": 10233}
    begins, opening = await _opening_of_solar(utility)
    assert begins == date(2026, 10, 1)
    assert opening is not None
    assert opening == done.taken[0].opening
    assert opening.balance == Decimal("-12.40")
    assert opening.reads[0].value == 8421077
    assert opening.state.credits == (Credit("solar", "", date(2026, 8, 1), Fraction("595.2")),)
    assert opening.state.peaks == (Peak("kw", "", date(2026, 7, 1), Fraction("7.2")),)
    assert opening.state.sums == (
        YearSum("budget_billing", Decimal("103.33")),
        YearSum("yearly", Decimal("310.55")),
    )
    # The year that the tariff nets over began in March, and goes on.
    (net,) = opening.state.levels
    assert (net.name, net.label, net.value) == ("over", "", Fraction("-10.4"))
    owners = {entry.id: entry.origin.owner for entry in opening.state.sums}
    assert owners == {"budget_billing": Owner.ACCOUNT, "yearly": Owner.OCCUPANCY}
    async with utility.registry.transaction(utility.now) as registry:
        assert await registry.last_number("INV") == 10233


async def test_importing_twice_changes_nothing_and_a_correction_does(
    utility: Utility, tmp_path: Path
) -> None:
    await _found(utility)
    await _import(utility, tmp_path)
    again = await _import(utility, tmp_path)
    assert [taken.effect for taken in again.taken] == [Effect.UNCHANGED]
    assert again.numbers == {}
    corrected = FILE.replace("595.2", "600").replace("2026-09-30", "2026-10-02")
    with pytest.raises(CutoverRefusedError, match="a reason is needed"):
        await _import(utility, tmp_path, corrected)
    done = await _import(utility, tmp_path, corrected, reason="read again")
    assert [taken.effect for taken in done.taken] == [Effect.CHANGED]
    # Legal numbers that would be left out are a gap that somebody must answer for.
    jumping = corrected.replace("10233", "10501")
    with pytest.raises(CutoverRefusedError, match="10234 to 10501 would be left out"):
        await _import(utility, tmp_path, jumping)
    jumped = await _import(utility, tmp_path, jumping, reason="paper bills")
    assert jumped.numbers == {"INV": 10501}
    begins, opening = await _opening_of_solar(utility)
    assert begins == date(2026, 10, 3)
    assert opening is not None
    assert opening.state.credits[0].amount == 600
    # Since when a sum counts is a figure as well: a part of a year needs a part of its amount.
    since = jumping.replace("310.55", "{amount: 310.55, since: 2026-03-15}")
    done = await _import(utility, tmp_path, since, reason="moved in then")
    assert [taken.effect for taken in done.taken] == [Effect.CHANGED]
    _, opening = await _opening_of_solar(utility)
    assert opening is not None
    (yearly,) = (entry for entry in opening.state.sums if entry.id == "yearly")
    assert (yearly.origin.first, yearly.origin.end) == (date(2026, 3, 15), date(2026, 10, 3))


@pytest.mark.parametrize(
    "again",
    [
        AgreementRecord("A-1", "SP-1", "SOLAR", SOLAR_SINCE, billing_from=date(2026, 10, 15)),
        AgreementRecord("A-1", "SP-1", "SOLAR", SOLAR_SINCE, date(2026, 9, 25)),
        AgreementRecord("A-1", "SP-1", "HOME", date(2026, 12, 1), billing_from=date(2026, 12, 2)),
    ],
    ids=["begins later", "ends before", "another behind it"],
)
async def test_an_agreement_never_takes_away_what_was_brought(
    utility: Utility, tmp_path: Path, again: AgreementRecord
) -> None:
    await _found(utility)
    await _import(utility, tmp_path)
    brought = await _opening_of_solar(utility)
    ends = AgreementRecord(
        "A-1", "SP-1", "SOLAR", SOLAR_SINCE, date(2026, 12, 1), billing_from=None
    )
    if again.first > SOLAR_SINCE:
        await utility.enrol.agreement(ends)
    with pytest.raises(OpeningKeptError, match="2026-10-01"):
        await utility.enrol.agreement(again)
    assert await _opening_of_solar(utility) == brought
    # The day that was imported may be said again.
    await utility.enrol.agreement(replace(ends, end=None, billing_from=date(2026, 10, 1)))
    assert await _opening_of_solar(utility) == brought


async def test_the_first_bill_opens_with_it_and_prints_it(utility: Utility, tmp_path: Path) -> None:
    await _found(utility)
    await _import(utility, tmp_path)
    await utility.deliver(Edge("gw-1"), month())
    await utility.validate()
    summary = await RunBills(utility.billing, lambda: utility.now)(Cycle(2026, 10), CLERK)
    (head,) = await utility.billing.heads(summary.run)
    record = await utility.billing.bill(head.uid)
    assert record is not None
    bill = record.bill
    assert (bill.days, bill.holds) == (DayRange(date(2026, 10, 1), date(2026, 11, 1)), ())
    assert bill.previous_balance == Decimal("-12.40")
    assert bill.amounts.due == bill.amounts.billed - Decimal("12.40")
    (read,) = bill.supplies[0].reads
    assert read.opening == Decimal("8421.077")
    # The bank of August pays, and the peak of July is 80 % of 7.2 kW, more than October's.
    amounts = {entry.line.id: entry.line.amount for entry in bill.lines}
    assert amounts["demand"] == Decimal("51.84")
    assert amounts["solar"] < 0
    # Of the year's net before, 10.4 kWh were fed in more than used.
    used = amounts["energy"] / Decimal("0.30")
    assert used > Decimal("10.4")
    assert amounts["netted"] == round((used - Decimal("10.4")) / 10, 2)
    balances = {bank.bank: bank for bank in bill.supplies[0].banks}
    assert (balances["solar"].opening, balances["solar"].unit) == (Decimal("595.2"), "EUR")
    assert balances["solar"].drawn == -amounts["solar"]
    assert balances["solar"].settled == 0
    assert bill.carried_texts[:-1] == (
        "Taken over: peak kw of 2026-07 7.2 kW.",
        "Taken over: deferred by level payments 103.33 EUR.",
        "Taken over: yearly so far 310.55 EUR.",
        "Taken over: net over so far -10.4 kWh.",
        "Taken over: bill of 2026-08, for level payments 45.10 EUR.",
    )
    assert Bill.from_json(bill.to_json()) == bill


async def test_a_dry_run_changes_nothing(utility: Utility, tmp_path: Path) -> None:
    await _found(utility)
    before = await _opening_of_solar(utility)
    done = await _import(utility, tmp_path, dry_run=True)
    assert [taken.effect for taken in done.taken] == [Effect.ADDED]
    assert done.numbers == {"INV": 10233}
    assert await _opening_of_solar(utility) == before
    assert before[1] is None
    async with utility.registry.transaction(utility.now) as registry:
        assert await registry.last_number("INV") == 0


async def test_every_reason_is_said_at_once(utility: Utility, tmp_path: Path) -> None:
    await _found(utility)
    await _import(utility, tmp_path)
    wrong = FILE.replace("10233", "10232").replace("MTL/S1", "MTL/S9")
    wrong = wrong.replace("bank: solar", "bank: wind").replace("2026-07", "2026-10")
    wrong = wrong.replace("310.55", "{amount: 310.55, since: 2026-10-01}")
    wrong = wrong.replace(
        "name: over, amount: -10.4}",
        "name: kwh, amount: 1}, {name: over, period: night, amount: 2}, {name: over, amount: 3},"
        " {name: over, amount: 4}",
    )
    wrong += "  - {number: A-9, points: [{point: SP-1, last_billed: 2026-09-30}]}\n"
    with pytest.raises(CutoverRefusedError) as refused:
        await _import(utility, tmp_path, wrong)
    for reason in (
        "A-1 at SP-1: the tariff SOLAR has no bank 'wind'; it has solar.",
        "2026-10 is not before 2026-10-01.",
        "'yearly' counts since 2026-10-01, which is not before 2026-10-01.",
        "the meter MTL/S9 is not installed there on 2026-10-01.",
        "the tariff SOLAR has no net of a season or year 'kwh'; it has over.",
        "'over' has no period 'night'; it has none.",
        "'over' has two nets.",
        "A-9 at SP-1: the registry has no account 'A-9'.",
        "INV: number 10233 is given",
    ):
        assert reason in str(refused.value)
    _, opening = await _opening_of_solar(utility)
    assert opening is not None
    assert opening.state.credits[0].amount == Fraction("595.2")


async def test_there_must_be_an_agreement(utility: Utility, tmp_path: Path) -> None:
    await _found(utility)
    early = FILE.replace("2026-09-30", "2026-08-01")
    with pytest.raises(CutoverRefusedError, match="no agreement on 2026-08-02"):
        await _import(utility, tmp_path, early)


def test_a_file_says_all_its_faults(tmp_path: Path) -> None:
    text = FILE.replace("-12.40", "a lot").replace("595.2", "-1").replace("2026-07", "July")
    with pytest.raises(CutoverFileError) as refused:
        read_cutover_file(_file(tmp_path, text))
    for place in ("balance", "banks.0.amount", "peaks.0.month"):
        assert f"{place}: " in str(refused.value)


DATED = FILE.replace(
    "banks: [{bank: solar, earned: 2026-08, amount: 595.2}]",
    "banks: [{bank: solar, earned: 2026-08, amount: 595.2},"
    " {bank: solar, earned: 2026-09, amount: 5.00, expires: 2026-10-02},"
    " {bank: solar, earned: 2026-07, amount: 2000, expires: 2026-11-01}]",
)


async def test_money_that_is_taken_over_lapses_on_its_own_day(
    utility: Utility, tmp_path: Path
) -> None:
    await _found(utility)
    await _import(utility, tmp_path, DATED)
    _, opening = await _opening_of_solar(utility)
    assert opening is not None
    assert CutoverOpening.from_json(opening.to_json()) == opening
    assert [(one.amount, one.expires) for one in opening.state.credits if one.expires != NEVER] == [
        (Fraction(2000), date(2026, 11, 1)),
        (Fraction(5), date(2026, 10, 2)),
    ]
    assert [taken.effect for taken in (await _import(utility, tmp_path, DATED)).taken] == [
        Effect.UNCHANGED
    ]
    await utility.deliver(Edge("gw-1"), month())
    await utility.validate()
    summary = await RunBills(utility.billing, lambda: utility.now)(Cycle(2026, 10), CLERK)
    (head,) = await utility.billing.heads(summary.run)
    record = await utility.billing.bill(head.uid)
    assert record is not None
    (line,) = [entry.line for entry in record.bill.lines if entry.line.id == "solar"]
    # October begins before both days: what lapses first pays first, and what never does is whole.
    used = -line.amount
    assert 5 < used < 2005
    rest = 2005 - used
    assert line.note.endswith(f"of it {rest} lapses on 2026-11-01")
    if utility.pool is not None:
        parts = await TimescaleDrawdowns(pool_of(utility)).parts("A-1")
        assert parts is not None
        (solar,) = [each.moved for each in parts if each.bank == "solar"]
        assert solar.brought == opening.state.credits
        # What lapses first was drawn first, whole.
        (drawn,) = [one for one in drawdowns([solar]) if one.source.origin == "brought_over"]
        assert (drawn.applied, drawn.left) == (used, solar.opened - used)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("expires: 2026-10-01", "'solar' lapses on 2026-10-01, which is not after 2026-10-01."),
        ("expires: 2026-09-15", "'solar' lapses on 2026-09-15, which is not after 2026-10-01."),
    ],
)
async def test_money_that_has_lapsed_is_not_taken_over(
    utility: Utility, tmp_path: Path, given: str, reason: str
) -> None:
    await _found(utility)
    with pytest.raises(CutoverRefusedError) as refused:
        await _import(utility, tmp_path, FILE.replace("amount: 595.2", f"amount: 595.2, {given}"))
    assert reason in str(refused.value)
