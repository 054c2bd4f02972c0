"""Use and surplus meet over the netting period that the tariff names, and over no other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.domain.billing.billing_cycle import BillingCycle
from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.charges.ending import PartEnding
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState, Credit
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import explain
from central.domain.rating.rate import rate
from central.domain.rating.running_bill import RunningBill
from central.domain.rating.settle import settle
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_kept, load_tariff
from central.domain.tariff.refusal import Code, TariffRefusedError
from central.domain.tariff.version import TariffVersion
from tests.support.months import ZONE
from tests.support.rating import blocks_from

TEXT = """\
tariff: sun
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR}
calendar: {seasons: {summer: "05-16..09-15", winter: rest}}
series: {net: {expr: import - export}}
determinants: {kwh: {sum: net, RULE}}
charges: [{id: energy, qty: kwh, price: {summer: 0.10, winter: 0.20}}]
"""
BANK = "banks: {nem: {unit: kWh}}\n"
MAY = BillingPeriod.month(DayRange(date(2026, 5, 1), date(2026, 6, 1)))
TWO_MONTHS = next(
    iter(BillingCycle("b", date(2026, 4, 1), 2).periods(date(2026, 4, 1), date(2026, 6, 1)))
)


def document(rule: str, *, kept: bool = False) -> TariffDocument:
    text = TEXT.replace("RULE", rule) + (BANK if "bank" in rule else "")
    return load_kept(text, file="kept") if kept else load_tariff(text)


def load(days: DayRange, net: Mapping[date, int]) -> dict[str, list[DayBlock]]:
    """Net energy of some days, at noon. [kWh]"""

    def at(local: datetime, sign: int) -> int:
        wh = 1000 * net.get(local.date(), 0) if local.hour == 12 else 0
        return max(0, sign * wh)

    return {
        "import": blocks_from(days, ZONE, 3600, lambda local: at(local, 1)),
        "export": blocks_from(days, ZONE, 3600, lambda local: at(local, -1), channel_id=2),
    }


def billed(
    said: TariffDocument,
    net: Mapping[date, int],
    period: BillingPeriod = MAY,
    opening: CarriedState | None = None,
) -> Rated:
    version, blocks = TariffVersion.of(said), load(period.days, net)
    facts, calendar = AgreementFacts(), ResolvedCalendar()
    rated = rate(blocks, facts, [version], calendar, period.days, period=period, opening=opening)
    assert not rated.holds, rated.holds
    for line in rated.lines:
        explain(line, blocks)
    return rated


def bank(rated: Rated) -> int:
    return whole(sum((credit.amount for credit in rated.closing.credits), Fraction(0)))


def quantities(rated: Rated) -> list[int]:
    return [whole(Fraction(line.quantity or 0)) for line in rated.lines]


def whole(kwh: Fraction) -> int:
    assert kwh.denominator == 1
    return kwh.numerator


SURPLUS_THEN_USE = {date(2026, 5, 10): -360, date(2026, 5, 20): 360}
USE_THEN_SURPLUS = {date(2026, 5, 10): 360, date(2026, 5, 20): -360}


@pytest.mark.parametrize("netting", ["month", "bill"])
def test_a_season_makes_no_charge_and_no_bank_where_the_bill_nets_to_zero(netting: str) -> None:
    for net in (SURPLUS_THEN_USE, USE_THEN_SURPLUS):
        rated = billed(document(f"bank: nem, netting: {netting}"), net)
        assert rated.total == 0
        assert bank(rated) == 0
        both = f"side: use, netting: {netting}"
        assert billed(document(both), net).total == 0


def test_a_kept_tariff_nets_each_segment_as_it_did() -> None:
    rated = billed(document("bank: nem", kept=True), USE_THEN_SURPLUS)
    assert rated.total == Decimal("72.00")
    assert bank(rated) == 360


def test_what_is_left_is_shared_by_what_brought_it() -> None:
    net = {date(2026, 5, 2): 300, date(2026, 5, 20): 100, date(2026, 5, 21): -20}
    # 380 kWh; winter brought 300 of the 380 that its segments come to.
    rated = billed(document("bank: nem, netting: bill"), net)
    assert quantities(rated) == [300, 80]
    net = {date(2026, 5, 2): 300, date(2026, 5, 20): -100}
    assert quantities(billed(document("bank: nem, netting: bill"), net)) == [200, 0]
    opening = CarriedState(credits=(Credit("nem", "", date(2026, 4, 1), Fraction(50)),))
    rated = billed(document("bank: nem, netting: bill"), net, opening=opening)
    assert (quantities(rated), bank(rated)) == ([150, 0], 0)


def test_surplus_is_paid_over_the_netting_period() -> None:
    net = {date(2026, 5, 2): 300, date(2026, 5, 20): -400}
    rated = billed(document("side: surplus, netting: bill"), net)
    assert quantities(rated) == [0, 100]
    rated = billed(document("side: surplus, netting: interval"), net)
    assert quantities(rated) == [0, 400]


def test_a_bill_of_two_months_nets_each_month_or_both() -> None:
    net = {date(2026, 4, 10): -100, date(2026, 5, 10): 100}
    assert billed(document("side: use, netting: bill"), net, TWO_MONTHS).total == 0
    month = billed(document("side: use, netting: month"), net, TWO_MONTHS)
    assert quantities(month) == [100, 0]
    # A bank carries the surplus of one month to the next of the same bill.
    rated = billed(document("bank: nem, netting: month"), net, TWO_MONTHS)
    assert rated.total == 0
    assert bank(rated) == 0
    turned = {day: -kwh for day, kwh in net.items()}
    rated = billed(document("bank: nem, netting: month"), turned, TWO_MONTHS)
    assert (quantities(rated), bank(rated)) == ([100, 0], 100)


def test_an_interval_pays_only_for_later_ones() -> None:
    used_first = {date(2026, 5, 2): 10, date(2026, 5, 3): -30, date(2026, 5, 20): 25}
    rated = billed(document("bank: nem, netting: interval"), used_first)
    assert (quantities(rated), bank(rated)) == ([10, 0], 5)
    opening = CarriedState(credits=(Credit("nem", "", date(2026, 4, 1), Fraction(4)),))
    rated = billed(document("bank: nem, netting: interval"), used_first, opening=opening)
    assert (quantities(rated), bank(rated)) == ([6, 0], 5)


@pytest.mark.parametrize(
    "rule",
    ["bank: nem, netting: month", "side: use, netting: bill", "side: use, netting: season"],
)
def test_a_running_bill_nets_alike(rule: str) -> None:
    net = {date(2026, 5, 2): 300, date(2026, 5, 20): -100, date(2026, 5, 31): 7}
    version, blocks = TariffVersion.of(document(rule)), load(MAY.days, net)
    running = RunningBill(AgreementFacts(), [version], ResolvedCalendar(), MAY)
    for day in MAY.days.days():
        running.add({name: [b for b in own if b.day == day] for name, own in blocks.items()})
    whole = billed(document(rule), net)
    assert quantities(running.bill()) == quantities(whole)


@pytest.mark.parametrize("rule", ["bank: nem", "side: use", "side: use, each: interval"])
def test_a_netting_period_is_named(rule: str) -> None:
    with pytest.raises(TariffRefusedError) as caught:
        document(rule)
    (found,) = caught.value.findings
    assert (found.code, found.path) == (Code.NO_NETTING_PERIOD, "determinants.kwh")
    assert document(rule, kept=True)


def test_what_nets_nothing_names_no_netting_period() -> None:
    with pytest.raises(TariffRefusedError) as caught:
        document("netting: bill")
    assert caught.value.findings[0].code == Code.CONFLICT


def test_months_are_those_of_the_period() -> None:
    fifteenth = date(2026, 4, 15)
    (period,) = BillingCycle("b", fifteenth, 2).periods(fifteenth, date(2026, 6, 15))
    months = [(days.first, days.end) for days in period.months_of_it]
    middle = date(2026, 5, 15)
    assert months == [(fifteenth, middle), (middle, date(2026, 6, 15))]
    assert MAY.months_of_it == (MAY.days,)


YEAR = "side: use, netting: year, begins: 2025-06-10"
SEASON = "side: use, netting: season"
MONTHS = [
    BillingPeriod.month(DayRange(date(2026, month, 1), date(2026, month + 1, 1)))
    for month in range(4, 10)
]


def chain(said: TariffDocument, net: Mapping[date, int]) -> list[Rated]:
    """Bills of some months, each opening with what the one before left."""
    bills: list[Rated] = []
    for period in MONTHS:
        opening = bills[-1].closing if bills else None
        bills.append(billed(said, net, period, opening))
    return bills


def level(rated: Rated) -> list[int]:
    return [whole(entry.value) for entry in rated.closing.levels]


def test_a_year_charges_what_it_comes_to_less_what_was_charged() -> None:
    net = {
        date(2026, 4, 2): 100,
        date(2026, 5, 2): -30,
        date(2026, 6, 2): -90,  # the year so far is at -20 when it ends on 10 June
        date(2026, 6, 20): 5,
        date(2026, 7, 2): -40,
        date(2026, 8, 2): 50,
    }
    bills = chain(document(YEAR), net)
    assert [sum(quantities(bill)) for bill in bills] == [100, -30, -70 + 5, -5, 15, 0]
    assert [level(bill) for bill in bills] == [[100], [70], [5], [-35], [15], [15]]
    # What is given back is paid back at the price of the bill that does so.
    assert [bill.total for bill in bills[:2]] == [Decimal("20.00"), Decimal("-6.00")]


def test_a_season_ends_what_it_nets_over_inside_a_bill_as_well() -> None:
    net = {
        date(2026, 4, 2): 100,
        date(2026, 5, 10): -130,  # winter comes to -30
        date(2026, 5, 20): 25,
        date(2026, 6, 2): -60,
        date(2026, 9, 10): 80,  # summer comes to 45
        date(2026, 9, 20): 7,
    }
    bills = chain(document(SEASON), net)
    assert [quantities(bill) for bill in bills] == [[100], [-100, 25], [-25], [0], [0], [45, 7]]
    assert [level(bill) for bill in bills] == [[100], [25], [-35], [-35], [-35], [7]]
    paid = chain(document(SEASON.replace("use", "surplus")), net)
    assert [quantities(bill) for bill in paid] == [[0], [30, 0], [35], [0], [0], [-35, 0]]


def test_what_a_season_of_another_year_left_is_not_gone_on_with() -> None:
    """Nobody was billed from one summer to the next: the state is of a season that is over."""
    net = {date(2026, 6, 2): 10}
    (earlier,) = billed(document(SEASON), {date(2026, 4, 2): 100}, MONTHS[0]).closing.levels
    opening = CarriedState(levels=(earlier,))
    assert quantities(billed(document(SEASON), net, MONTHS[2], opening)) == [10]
    assert quantities(billed(document(YEAR), net, MONTHS[2], opening)) == [10]


@given(
    st.dictionaries(st.dates(date(2026, 4, 1), date(2026, 9, 30)), st.integers(-90, 90)),
    st.sampled_from([YEAR, SEASON]),
    st.sampled_from(["use", "surplus"]),
)
@settings(max_examples=12, deadline=None)
def test_bills_of_a_year_or_season_add_up_to_its_net(
    net: dict[date, int], rule: str, side: str
) -> None:
    """Whatever the bills: together they charge the net of each season or year, and no more."""
    bills = chain(document(rule.replace("side: use", f"side: {side}")), net)
    cuts = [date(2026, 6, 10)] if rule == YEAR else [date(2026, 5, 16), date(2026, 9, 16)]
    borders = [date(2026, 4, 1), *cuts, date(2026, 10, 1)]
    nets = [
        sum(value for day, value in net.items() if first <= day < end)
        for first, end in pairwise(borders)
    ]
    sign = 1 if side == "use" else -1
    charged = sum(bill.quantity("kwh") for bill in bills)
    assert charged == sum(max(0, sign * value) for value in nets)


def test_the_last_bill_says_what_the_period_came_to() -> None:
    version = TariffVersion.of(document(YEAR))
    net = {date(2026, 5, 2): -30}
    opening = billed(document(YEAR), {date(2026, 4, 2): 100}, MONTHS[0]).closing
    final = rate(
        load(MAY.days, net),
        AgreementFacts(),
        [version],
        ResolvedCalendar(),
        MAY.days,
        ending=PartEnding(final=True),
        opening=opening,
    )
    assert [(line.id, line.quantity, line.amount) for line in final.lines][-1] == (
        "kwh-levels",
        Decimal(70),
        Decimal(0),
    )
    assert sum(line.amount for line in final.lines) == Decimal("-6.00")
    assert final.closing == CarriedState()
    facts = AgreementFacts()
    day = DayRange(date(2026, 4, 30), date(2026, 5, 1))
    settled = settle(
        opening, facts, [version], ResolvedCalendar(), day, MONTHS[0], PartEnding(final=True)
    )
    assert [(line.id, line.amount) for line in settled.lines] == [("kwh-levels", Decimal(0))]


def test_versions_that_net_otherwise_are_netted_apart_and_others_together() -> None:
    net = {date(2026, 5, 2): 40, date(2026, 5, 30): -100}
    first, opening = document(YEAR), chain(document(YEAR), {date(2026, 4, 2): 100})[0].closing

    def both(later: str) -> list[int]:
        second = load_tariff(
            TEXT.replace("RULE", later).replace("2020-01-01", "2026-05-21").replace("0.10", "0.11")
        )
        rated = rate(
            load(MAY.days, net),
            AgreementFacts(),
            [TariffVersion.of(first), TariffVersion.of(second)],
            ResolvedCalendar(),
            MAY.days,
            period=MAY,
            opening=opening,
        )
        assert not rated.holds
        return [*quantities(rated), *level(rated)]

    # Together the year stands at 40: 60 of the 100 are given back, by the stretch that fed in.
    assert both(YEAR) == [0, 0, -60, 40]
    assert both(SEASON) == [40, 0, 0, -100]


def test_the_year_of_an_agreement_begins_as_its_fact_says() -> None:
    text = TEXT.replace("RULE", "side: use, netting: year, begins: since")
    said = load_tariff(text.replace("calendar:", "needs: {since: text}\ncalendar:"))

    def rated(*facts: Fact) -> Rated:
        blocks = load(MAY.days, {date(2026, 5, 2): -10, date(2026, 5, 8): 10})
        version = TariffVersion.of(said)
        return rate(blocks, AgreementFacts(facts), [version], ResolvedCalendar(), MAY.days)

    assert quantities(rated(Fact("since", "2024-05-08"))) == [10, 0]
    assert quantities(rated(Fact("since", "2024-05-01"))) == [0, 0]
    assert [hold.code for hold in rated(Fact("since", "spring")).holds] == ["MISSING_FACT"]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("bank: nem, netting: season", Code.CONFLICT),
        ("bank: nem, netting: year, begins: 2026-01-01", Code.CONFLICT),
        ("side: use, netting: year", Code.MISSING_KEY),
        ("side: use, netting: month, begins: 2026-01-01", Code.UNKNOWN_KEY),
        ("netting: year, begins: 2026-01-01", Code.CONFLICT),
    ],
)
def test_a_season_or_year_that_cannot_be_netted_over_is_refused(rule: str, code: Code) -> None:
    with pytest.raises(TariffRefusedError) as caught:
        document(rule)
    assert code in {found.code for found in caught.value.findings}


def test_a_season_needs_seasons() -> None:
    text = TEXT.replace('calendar: {seasons: {summer: "05-16..09-15", winter: rest}}\n', "")
    text = text.replace("{summer: 0.10, winter: 0.20}", "0.10").replace("RULE", SEASON)
    with pytest.raises(TariffRefusedError, match="none that ends"):
        load_tariff(text)
