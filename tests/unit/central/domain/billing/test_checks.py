"""What checks of bills find: just beyond their line, and nothing just inside it."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from central.domain.billing.bill_check import JudgedPart
from central.domain.billing.check_policy import (
    CHECK_SCHEMA,
    CheckPolicies,
    CheckPolicyRefusedError,
)
from central.domain.billing.checks import CHECKS
from central.domain.billing.part_use import PartUse
from central.domain.billing.read import MeterRead
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.policies_in_force import GroupDays, PolicyVersion

OCTOBER = DayRange(date(2026, 10, 1), date(2026, 11, 1))


def month(number: int, year: int = 2026) -> DayRange:
    return DayRange(date(year, number, 1), date(year + number // 12, number % 12 + 1, 1))


def used(days: DayRange, per_day: str, estimated: int = 0) -> PartUse:
    return PartUse(days, Decimal(per_day) * days.count, 24 * days.count, estimated)


def read(opening: str | None, closing: str | None, usage: str, multiplier: str = "1") -> MeterRead:
    first, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    return MeterRead(
        "M-1",
        "Import, 1.8.0",
        "kWh",
        None if opening is None else Decimal(opening),
        first,
        None if closing is None else Decimal(closing),
        end,
        Decimal(usage),
        Decimal(multiplier),
    )


def part(per_day: str = "8", reads: tuple[MeterRead, ...] = (), estimated: int = 0) -> JudgedPart:
    return JudgedPart(
        "SP-1",
        "residential",
        used(OCTOBER, per_day, estimated),
        reads,
        begins=False,
        currency="EUR",
        total=Decimal("61.20"),
        billed=Decimal("61.20"),
        leads=True,
    )


def found(
    judged: JudgedPart, history: Sequence[PartUse] = (), policies: CheckPolicies | None = None
) -> list[str]:
    policy = (policies or CheckPolicies()).policy(judged)
    return [finding.code for finding in policy.judge(judged, history)]


def of_class(text: str, name: str = "electricity") -> CheckPolicies:
    return CheckPolicies([PolicyVersion(name, 1, date(2026, 1, 1), CHECK_SCHEMA.parse(text))])


# Mean 8, and a standard deviation of 1.
STEADY = [used(month(number), use) for number, use in ((6, "7"), (7, "9"), (8, "7"), (9, "9"))]


def test_a_high_bill_is_above_three_deviations_and_twice_last_year() -> None:
    assert found(part("11"), STEADY) == []
    assert found(part("11.01"), STEADY) == ["HIGH_BILL"]
    last_year = used(month(10, 2025), "6")
    assert found(part("12"), [last_year, *STEADY[1:]]) == []
    assert found(part("25"), [last_year, *STEADY]) == ["HIGH_BILL"]
    assert found(part("12"), [used(month(10, 2025), "6"), *STEADY]) == []


def test_a_deviation_is_at_least_a_tenth_of_the_mean() -> None:
    alike = [used(month(number), "10") for number in (6, 7, 8, 9)]
    assert found(part("13"), alike) == []
    assert found(part("13.01"), alike) == ["HIGH_BILL"]


def test_few_periods_are_no_mean_but_last_year_counts_by_itself() -> None:
    assert found(part("80"), STEADY[:3]) == []
    assert found(part("80"), [used(month(10, 2025), "39")]) == ["HIGH_BILL"]
    # Half of the dates have to be known.
    half = used(DayRange(date(2025, 10, 25), date(2025, 11, 1)), "10")
    assert found(part("80"), [half]) == []


def test_a_low_bill_is_below_three_deviations_and_forty_percent_of_last_year() -> None:
    assert found(part("5"), STEADY) == []
    assert found(part("4.99"), STEADY) == ["LOW_BILL"]
    last_year = used(month(10, 2025), "8")
    assert found(part("3.3"), [last_year, *STEADY]) == []
    assert found(part("3.19"), [last_year, *STEADY]) == ["LOW_BILL"]


def test_a_quarter_of_both_is_low_whatever_the_deviation_is() -> None:
    wild = [used(month(number), use) for number, use in ((6, "1"), (7, "20"), (8, "1"), (9, "18"))]
    assert found(part("2.6"), wild) == []
    assert found(part("2.4"), wild) == ["LOW_BILL"]


def test_a_new_customer_is_judged_by_what_their_class_uses() -> None:
    usual = of_class("thresholds: {class_use: 9}")
    assert found(part("45"), policies=usual) == []
    assert found(part("46"), policies=usual) == ["HIGH_BILL"]
    assert found(part("0.89"), policies=usual) == ["LOW_BILL"]


def test_no_use_is_asked_once_a_run_and_never_of_a_holiday_home() -> None:
    nothing = part("0")
    assert found(nothing, STEADY) == ["ZERO_BILL"]
    assert found(nothing, [*STEADY, used(month(9), "0")]) == []
    assert found(nothing) == []
    short = replace(nothing, use=used(DayRange(OCTOBER.first, date(2026, 10, 7)), "0"))
    assert found(short, STEADY) == []


def test_a_customer_who_begins_without_a_read_is_asked_for_it() -> None:
    begins = replace(part(reads=(read(None, "1248", "248"),)), begins=True)
    assert found(begins) == ["FIRST_READ_UNKNOWN"]
    assert found(replace(begins, begins=False)) == []
    assert found(replace(begins, reads=(read("1000", "1248", "248"),))) == []
    # Nobody reads a register that is not read at the end either.
    assert found(replace(begins, reads=(read(None, None, "248"),))) == []


@pytest.mark.parametrize(
    ("reads", "codes"),
    [
        (read("1000.1", "1248.3", "248.4"), []),
        (read("1000.1", "1248.3", "248.5"), ["INTERVALS_AGAINST_REGISTER"]),
        (read("1000.1", "1248.3", "247.9"), ["INTERVALS_AGAINST_REGISTER"]),
        # A step of the register is forty of what is billed.
        (read("10.1", "16.3", "255.9", "40"), []),
        (read("10.1", "16.3", "256.1", "40"), ["INTERVALS_AGAINST_REGISTER"]),
        (read(None, "1248.3", "9000"), []),
        # It rolled over, or fell: its two reads do not say how far it advanced.
        (read("99950.1", "20.3", "70.2"), []),
    ],
)
def test_intervals_stay_within_two_steps_of_their_register(
    reads: MeterRead, codes: list[str]
) -> None:
    assert found(part(reads=(reads,))) == codes


def test_the_third_estimated_bill_in_a_row_is_asked_for() -> None:
    half = 24 * 31 // 2
    rows = [used(month(7), "8"), used(month(8), "8", half), used(month(9), "8", half)]
    assert found(part(estimated=half), rows) == ["ESTIMATES_IN_A_ROW"]
    assert found(part(estimated=half - 1), rows) == []
    assert found(part(estimated=half), [*rows[:2], used(month(9), "8")]) == []


def test_a_class_has_its_tariffs() -> None:
    shops = of_class("thresholds: {class_tariffs: [shop, shop-tou]}", "shops")
    groups = {"SP-1": [GroupDays("shops", date(2026, 3, 1), None)]}
    assert found(part(), policies=replace(shops, groups=groups)) == ["CLASS_TARIFF"]
    assert found(replace(part(), tariff="shop"), policies=replace(shops, groups=groups)) == []
    assert found(part(), policies=shops) == []


def test_an_amount_has_a_limit_in_its_currency() -> None:
    limits = of_class("thresholds: {amount_limit: '61.19 EUR, 300000 COP'}")
    assert found(part(), policies=limits) == ["AMOUNT_LIMIT"]
    assert found(replace(part(), total=Decimal("-61.20")), policies=limits) == ["AMOUNT_LIMIT"]
    # A balance that is paid out costs nothing and is paid all the same; one that pays the bill
    # makes what was supplied no smaller.
    paid_out = replace(part(), total=Decimal(0), billed=Decimal("-61.20"))
    assert found(paid_out, policies=limits) == ["AMOUNT_LIMIT"]
    assert found(replace(part(), billed=Decimal(0)), policies=limits) == ["AMOUNT_LIMIT"]
    fits = replace(part(), total=Decimal("61.19"), billed=Decimal("61.19"))
    assert found(fits, policies=limits) == []
    assert found(replace(part(), currency="USD"), policies=limits) == []
    # The total is said once, whatever the bill has of parts.
    assert found(replace(part(), leads=False), policies=limits) == []


def test_a_check_is_switched_off_for_a_class() -> None:
    assert found(part("0"), STEADY, of_class("off: [ZERO_BILL]")) == []


def test_a_document_keeps_names_and_amounts_exactly() -> None:
    text = "thresholds: {class_tariffs: [b, a], amount_limit: 5000.5 EUR}"
    document = CHECK_SCHEMA.parse(text)
    assert document.to_json() == {
        "thresholds": {"amount_limit": "5000.5 EUR", "class_tariffs": "a, b"}
    }
    assert CHECK_SCHEMA.of(document.to_json()) == document
    for wrong in ("thresholds: {amount_limit: 5000}", "thresholds: {zero_days: 3}", "off: [SPIKE]"):
        with pytest.raises(CheckPolicyRefusedError):
            CHECK_SCHEMA.parse(wrong)


def test_the_reason_names_the_point_and_the_figures() -> None:
    judged = part("25")
    (finding,) = CheckPolicies().policy(judged).judge(judged, STEADY)
    assert finding.hold.code == "HIGH_BILL"
    assert finding.hold.message.startswith("It used 25.00 kWh a day, far more than usual")
    assert finding.hold.evidence == "SP-1; day 25.00; mean 8.00; deviation 1.00; periods 4"


def test_the_tables_of_the_reference_are_current() -> None:
    path = Path(__file__).parents[5] / "tools" / "checks_reference.py"
    spec = importlib.util.spec_from_file_location("checks_reference", path)
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    page = reference.PAGE.read_text()
    assert page == reference.current(page), "run tools/checks_reference.py"
    assert all(f"| {check.code} |" in page for check in CHECKS)


def test_a_code_is_one_check_with_a_text_in_both_languages() -> None:
    assert len({check.code for check in CHECKS}) == len(CHECKS)
    assert all(check.text.en and check.text.es for check in CHECKS)
