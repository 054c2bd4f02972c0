"""Steps from one bill to the next sum exactly, and say why."""

from __future__ import annotations

import itertools
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from central.domain.billing.bill_change import BilledCharge, ChangeCause, steps_between
from central.service.operator.bill_change import WIDE, waterfall


def charge(  # noqa: PLR0913 - a line's columns
    name: str,
    amount: str,
    quantity: str | None = None,
    price: str | None = None,
    *,
    unit: str = "kWh",
    kind: str = "energy",
    label: str = "",
) -> BilledCharge:
    counted, priced = (None if text is None else Decimal(text) for text in (quantity, price))
    return BilledCharge(name, label, name.title(), kind, unit, counted, priced, Decimal(amount))


def causes(
    before: list[BilledCharge], after: list[BilledCharge]
) -> list[tuple[str, ChangeCause, str]]:
    return [(step.text, step.cause, str(step.amount)) for step in steps_between(before, after)]


def test_use_and_price_are_told_apart_to_the_cent() -> None:
    before = [charge("energy", "33.33", "333.333", "0.10")]
    after = [charge("energy", "48.00", "400", "0.12")]
    # 66.667 kWh at 0.10 are 6.67; the rest is what each became dearer.
    assert causes(before, after) == [
        ("Energy", ChangeCause.USE, "6.67"),
        ("Energy", ChangeCause.PRICE, "8.00"),
    ]
    (use, price) = steps_between(before, after)
    assert (str(use.old), str(use.new), use.unit) == ("333.333", "400", "kWh")
    assert (str(price.old), str(price.new)) == ("0.10", "0.12")


def test_each_cause_has_its_name() -> None:
    before = [
        charge("standing", "6.00", "30", "0.20", unit="day", kind="fixed"),
        charge("old", "5.00"),
        charge("same", "1.00", "10", "0.10"),
        charge("minimum", "20.00", "3", "1"),
        charge("vat", "2.10", "10.00", "21", unit="EUR", kind="tax"),
    ]
    after = [
        charge("standing", "6.20", "31", "0.20", unit="day", kind="fixed"),
        charge("new", "3.00"),
        charge("same", "1.00", "10", "0.10"),
        charge("minimum", "25.00", "3", "2"),
        charge("vat", "4.20", "20.00", "21", unit="EUR", kind="tax"),
    ]
    assert causes(before, after) == [
        ("Standing", ChangeCause.TIME, "0.20"),
        ("New", ChangeCause.NEW, "3.00"),
        ("Minimum", ChangeCause.AMOUNT, "5.00"),
        ("Vat", ChangeCause.TAXED, "2.10"),
        ("Old", ChangeCause.GONE, "-5.00"),
    ]


def test_a_rate_of_tax_is_a_percent() -> None:
    before = [charge("vat", "2.10", "10.00", "21", unit="EUR", kind="tax")]
    after = [charge("vat", "2.00", "20.00", "10", unit="EUR", kind="tax")]
    assert causes(before, after) == [
        ("Vat", ChangeCause.TAXED, "2.10"),
        ("Vat", ChangeCause.PRICE, "-2.20"),
    ]


def test_lines_of_one_charge_are_one() -> None:
    before = [charge("energy", "10.00", "100", "0.10", label="peak")]
    after = [
        charge("energy", "4.00", "40", "0.10", label="peak"),
        charge("energy", "8.00", "80", "0.10", label="peak"),
    ]
    assert causes(before, after) == [("Energy", ChangeCause.USE, "2.00")]


cents = st.integers(-10_000, 10_000).map(lambda value: Decimal(value).scaleb(-2))
some = st.none() | st.decimals("0", "999", places=3)
charges = st.lists(
    st.builds(
        BilledCharge,
        st.sampled_from("abc"),
        st.sampled_from(["", "peak"]),
        st.just("Charge"),
        st.sampled_from(["energy", "tax", "fixed"]),
        st.sampled_from(["kWh", "day", "EUR"]),
        some,
        some,
        cents,
    ),
    max_size=6,
)


@given(charges, charges)
def test_steps_sum_to_the_difference(before: list[BilledCharge], after: list[BilledCharge]) -> None:
    steps = steps_between(before, after)
    old, new = (sum(each.amount for each in side) for side in (before, after))
    assert sum(step.amount for step in steps) == new - old
    assert all(step.amount for step in steps)


@given(charges, charges)
def test_each_bar_begins_where_the_one_before_ended(
    before: list[BilledCharge], after: list[BilledCharge]
) -> None:
    steps = steps_between(before, after)
    drawn = waterfall(Decimal(100), steps)
    assert [bar.step for bar in drawn] == list(steps)
    assert all(bar.start >= 0 and bar.start + bar.length <= WIDE for bar in drawn)
    for first, second in itertools.pairwise(drawn):
        ends = first.start + (first.length if first.step.amount > 0 else 0)
        begins = second.start + (0 if second.step.amount > 0 else second.length)
        assert abs(ends - begins) <= 8  # a bar is at least 4 wide
