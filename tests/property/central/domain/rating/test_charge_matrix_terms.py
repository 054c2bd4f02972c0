"""Years, terms, balances, agreed prices and events, in every way that a bill is cut."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.rating.inputs.carried_state import (
    CarriedState,
    Credit,
    MonthTotal,
    Origin,
    YearSum,
)
from central.domain.rating.inputs.usage_event import Event
from firmware_bridge.contract.interval import local_day
from tests.support import brute_matrix as brute
from tests.support import brute_matrix_terms as terms
from tests.support.brute_matrix_states import months_before
from tests.support.charge_matrix import CUTS, MIXED, ZONE, Feed, Row, check_cell
from tests.support.size import sized

DRAWS = sized("METERLINE_MATRIX_DRAWS", 1, 60)
P = "{s: @s, w: @w}"
ENERGY = f"{{id: c, qty: kwh, price: {P}}}"
FED = {"DETERMINANTS": "  fed: {sum: export}"}
BEFORE = Decimal("100.50")


def of(qty: str, price: str = P) -> str:
    return f"{{id: c, qty: {qty}, price: {price}}}"


def minimum(more: str) -> str:
    return f"minimums: [{{id: m, of: c, amount: 900, {more}}}]\n"


def committed(more: str) -> str:
    return f"commitments: [{{id: m, of: c, amount: 900, {more}}}]\n"


def so_far(months: int) -> Callable[[date], CarriedState]:
    """What the year has come to in so many months before the bill's."""
    return lambda first: CarriedState(
        sums=(YearSum("m", BEFORE, Origin(months_before(first, months), first)),)
    )


def deferred(first: date) -> CarriedState:
    totals = (MonthTotal(months_before(first, 2), Decimal(80)),)
    return CarriedState(
        totals=(*totals, MonthTotal(months_before(first, 1), Decimal(120))),
        sums=(YearSum("budget_billing", Decimal(15)),),
    )


def held(bank: str, amount: Fraction) -> Callable[[date], CarriedState]:
    return lambda first: CarriedState(credits=(Credit(bank, "", months_before(first, 2), amount),))


def events(bill: brute.Bill) -> Feed:
    found = []
    for day in bill.days:
        start = local_day(day.day, ZONE).start
        for place, hour in enumerate(day.hours):
            if terms.sends(hour):
                region = "east" if terms.is_east(hour) else "west"
                fields = (("region", region), ("user", str(terms.user_of(hour))))
                at = start + timedelta(hours=place, minutes=30)
                found.append(Event(f"{day.day}{place}", at, Decimal(hour.price), fields))
    return Feed(events={"api": found})


def measured(rule: str) -> dict[str, str]:
    return {"DETERMINANTS": f"  own: {{events: api, {rule}}}"}


def counted(rule: str, by_hand: brute.Pricer, price: str = P) -> Row:
    return Row(of("own", price), "", by_hand, measured(rule), feed=events)


TABLE = (
    "tables: {number: {unit: percent, rows: [{from: 2020-01-01, values: @ABS0},"
    " {from: @MONTH-@TURN, values: @ABS1}]}}\n"
    "taxes: [{id: t, rate: number, of: c, point: %s}]\n"
)
BUDGET = "settlement: [budget_billing: {months: 3%s}]\n"
REGIONS = "split: {field: region, values: [east], other: rest}"
BY_REGION = "{s: {east: @s, rest: half@s}, w: {east: @w, rest: half@w}}"
ROWS = {
    "minimum of the year": Row(
        ENERGY,
        minimum("per: year, year_end: @M, share: none"),
        terms.short_of_year(BEFORE, terms.all_of_it),
        opening=so_far(11),
    ),
    "minimum of a year by days": Row(
        ENERGY,
        minimum("per: year, year_end: @M, share: days"),
        terms.short_of_year(BEFORE, terms.days_of_year_since(3)),
        opening=so_far(3),
    ),
    "minimum of a year by months": Row(
        ENERGY,
        minimum("per: year, year_end: @M, share: months"),
        terms.short_of_year(BEFORE, terms.months_of_year_since(3)),
        opening=so_far(3),
    ),
    "minimum of a year by its date": Row(
        ENERGY,
        minimum("per: year, year: contract, begins: 2020-@MM-11, ends: date, share: none"),
        terms.short_until_the_eleventh(BEFORE),
        opening=so_far(11),
    ),
    "commitment of the year": Row(
        ENERGY,
        committed("per: year, year_end: @M"),
        terms.short_of_year(BEFORE, terms.all_of_it),
        opening=so_far(11),
    ),
    "commitment of a term": Row(
        ENERGY,
        committed("per: term, months: 6, begins: 2020-@MM-01, share: none"),
        brute.each(brute.energy_line),
        opening=so_far(2),
    ),
    "commitment of a year by its date": Row(
        ENERGY,
        committed("per: term, months: 12, begins: 2020-@MM-11, ends: date, share: none"),
        terms.short_until_the_eleventh(BEFORE),
        opening=so_far(11),
    ),
    "commitment after credits": Row(
        ENERGY,
        committed("per: month, share: none, basis: after_credits").replace("of: c", "of: [c, sun]"),
        terms.committed_after_credits,
        FED | {"BANKS": ", sun: {earn: fed, price: 0.05, offsets: c}"},
    ),
    "commitment that is carried": Row(
        ENERGY,
        committed("per: month, share: none, shortfall: carry, excess: carry"),
        brute.each(brute.energy_line),
    ),
    "minimum until the true-up": Row(
        ENERGY,
        minimum("per: year, year: true_up, share: none"),
        terms.short_of_year(BEFORE, terms.all_of_it),
        {"NEM": ", true_up: {month: @M}"},
        opening=so_far(11),
    ),
    "true-up into money": Row(
        ENERGY,
        "",
        terms.settled_into_money,
        {
            "NEM": ", true_up: {month: @M, pay: 0.03, into: sun}",
            "BANKS": ", sun: {offsets: c, when: next_bill}",
        },
        opening=held("nem", Fraction(50)),
    ),
    "commitment of a month": Row(
        ENERGY, committed("per: month, share: none"), terms.short_of_month(terms.all_of_it)
    ),
    "commitment of a month by days": Row(
        ENERGY, committed("per: month, share: days"), terms.short_of_month(terms.part_of_month)
    ),
    "commitment of a month by months": Row(
        ENERGY, committed("per: month, share: months"), terms.short_of_month(terms.part_of_month)
    ),
    "minimum, whole": Row(ENERGY, minimum("prorate: none"), terms.short_of_month(terms.all_of_it)),
    "credit of this bill": Row(
        ENERGY,
        "",
        terms.credited,
        FED | {"BANKS": ", sun: {earn: fed, price: 0.05, offsets: c}"},
    ),
    "minimum after credits": Row(
        ENERGY,
        minimum("basis: after_credits").replace("of: c", "of: [c, sun]"),
        terms.topped_up_after_credits,
        FED | {"BANKS": ", sun: {earn: fed, price: 0.05, offsets: c}"},
    ),
    "credit that is paid out": Row(
        ENERGY,
        "",
        terms.paid_out,
        FED
        | {
            "BANKS": ", sun: {earn: fed, price: 0.05, offsets: c, when: next_bill,"
            " true_up: {month: @M, pay: 0.5}}"
        },
    ),
    "budget": Row(ENERGY, BUDGET % "", terms.levelled((80, 120), Decimal(15)), opening=deferred),
    "budget that settles": Row(
        ENERGY,
        BUDGET % ", settle_up: @M",
        terms.levelled((80, 120), Decimal(15), settles=True),
        opening=deferred,
    ),
    "prepaid": Row(
        ENERGY,
        "settlement: [prepaid: {}]\n",
        terms.drawn_down(Fraction(40)),
        opening=held("prepaid", Fraction(40)),
    ),
    "prepaid that lapses": Row(
        ENERGY,
        "settlement: [prepaid: {expires_months: 3}]\n",
        terms.drawn_down(Fraction(40)),
        opening=held("prepaid", Fraction(40)),
    ),
    "agreed price": Row(
        ENERGY, "", terms.at_agreed_price, facts={"price.c": (None, Decimal("0.4"))}
    ),
    "agreed discount": Row(
        ENERGY, "", terms.with_agreed_discount, facts={"discount.c": (None, Decimal(10))}
    ),
    "tax on issue": Row(ENERGY, TABLE % "issue", terms.taxed_on_issue),
    "tax when due": Row(ENERGY, TABLE % "due", terms.taxed_on_issue),
    "events": counted("take: count", terms.counted(len)),
    "values of events": counted(
        "take: sum, unit: GB", terms.counted(lambda hours: sum(hour.price for hour in hours))
    ),
    "highest event": counted(
        "take: max, unit: GB",
        terms.shared_by_time(lambda hours: max((hour.price for hour in hours), default=0)),
    ),
    "users": counted(
        "take: unique, key: user",
        terms.shared_by_time(lambda hours: len({terms.user_of(hour) for hour in hours})),
    ),
    "events of the east": counted(
        "take: count, where: {region: [east]}",
        terms.counted(lambda hours: sum(map(terms.is_east, hours))),
    ),
    "events by region": counted(f"take: sum, unit: GB, {REGIONS}", terms.split_in_two, BY_REGION),
}
CELLS = [
    (name, how)
    for name in ROWS
    for how in (*CUTS, MIXED)
    if DRAWS > 1 or how in {"all at once", "season and version"}
]


@pytest.mark.parametrize(("name", "how"), CELLS)
def test_a_charge_is_that_of_every_hour(name: str, how: str) -> None:
    check_cell(ROWS[name], how, DRAWS)
