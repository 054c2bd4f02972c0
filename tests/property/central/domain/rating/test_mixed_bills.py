"""Bills of several charges, cut in drawn ways, as a rater computes them that asks each hour."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from tests.property.central.domain.rating.test_charge_matrix import CHARGES, P
from tests.property.central.domain.rating.test_charge_matrix_states import ROWS
from tests.support import brute_matrix as brute
from tests.support.brute import cents
from tests.support.charge_matrix import MIXED, Row, check_bill
from tests.support.size import sized

DRAWS = sized("METERLINE_MIXED_DRAWS", 24, 3_000)
PLAIN = [name for name, row in CHARGES.items() if not row.more]
# What rests on all lines, or cuts all on a day of its own, is no sum of charges by themselves.
STATES = [name for name in ROWS if name not in {"total rounded", "dated table"}]
# Where they begin or cease to apply, all charges are cut.
CONDITIONS = {"exemption", "rider only", "tax unless", "minimum unless"}
# These say otherwise what the bank of energy of the plain charge does.
BANKS = {"true-up", "true-up by period"}
FLOOR = 1_500
# Of the agreement, from the day on which its facts change: as another version of the tariff.
AGREED = Decimal("0.375")
LATER, FIRST_SEATS = 10, 3


def mixed(seed: int) -> tuple[list[str], Row]:
    """Names of what a bill charges, and one row of it all, with a minimum or tax of some."""
    draw = random.Random(f"mix {seed}")  # noqa: S311 - not for secrets
    names = draw.sample(PLAIN, draw.randint(2, 5))
    rows = [CHARGES[name] for name in names]
    charges = [row.charge.replace("{id: c,", f"{{id: c{place},") for place, row in enumerate(rows)]
    ids = ", ".join(f"c{place}" for place in range(len(rows)))
    floor, tax = draw.random() < 0.4, draw.random() < 0.6
    state = draw.choice(STATES) if draw.random() < 0.6 else None
    if state in BANKS and "bank of energy" in names:
        state = None
    last = Row("", "", lambda _: []) if state is None else ROWS[state]
    if state is not None:
        names.append(state)
        charges.append(last.charge)
    more, facts = last.more, dict(last.facts)
    # A price agreed instead of steps is none of steps, and one by time is none by season.
    agreed = draw.random() < 0.5 and "qty:" in charges[0] and f", price: {P}" in charges[0]
    agreed = agreed and "steps" not in charges[0]
    if agreed:
        facts["price.c0"] = (None, AGREED)
    floor, tax = floor and "minimums:" not in more, tax and "taxes:" not in more
    if floor:
        more += f"minimums: [{{id: m, of: [{ids}], amount: {FLOOR}}}]\n"
    if tax:
        taxed = f"{ids}, m" if floor else ids
        more += f"taxes: [{{id: t, percent: 21, of: [{taxed}], point: period_end}}]\n"

    def by_hand(bill: brute.Bill) -> list[Decimal]:
        bill = replace(bill, by_exempt=bool(CONDITIONS.intersection(names)))
        first = bill
        if agreed:
            bill, first = after(bill, None), after(bill, Fraction(AGREED))
        lines = [
            amount
            for place, row in enumerate(rows)
            for amount in row.by_hand(bill if place else first)
        ]
        if floor:
            short = Fraction(FLOOR * len(bill.days), bill.period) - Fraction(total(lines))
            lines += [cents(short)] if short > 0 else []
        if tax:
            lines.append(cents(Fraction(total(lines)) * 21 / 100))
        return [*lines, *last.by_hand(bill)]

    whole = last._replace(charge=", ".join(charges), more=more, by_hand=by_hand, facts=facts)
    return [*names, "agreed"] if agreed else names, whole


def after(bill: brute.Bill, agreed: Fraction | None) -> brute.Bill:
    """The bill with versions of its own where the facts have changed, at a price if one is said."""
    days = [
        day if day.seats == FIRST_SEATS else replace(day, version=day.version + LATER)
        for day in bill.days
    ]
    later = {
        (version + LATER, season): price if agreed is None else agreed
        for (version, season), price in bill.prices.items()
    }
    return replace(bill, days=days, prices=bill.prices | later)


def total(lines: Sequence[Decimal]) -> Decimal:
    return sum(lines, Decimal(0))


def test_a_bill_of_several_charges_is_that_of_every_hour() -> None:
    for seed in range(DRAWS):
        names, row = mixed(seed)
        try:
            check_bill(row, MIXED, seed, many=seed % 4 == 0)
        except AssertionError as error:
            error.add_note(f"seed {seed}: {', '.join(names)}")
            raise
