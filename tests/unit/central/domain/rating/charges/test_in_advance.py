"""What is paid in advance, where the tariff changes inside it and where no day is left to bill."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from central.domain.billing.account_periods import AccountPeriods
from central.domain.billing.cycle import Cycle
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.charges.ending import GOES_ON, PartEnding
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod, WholeMonths
from central.domain.rating.inputs.carried_state import CarriedState, Origin, PaidAhead
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.rating.settle import settle
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion

JULY, AUGUST, SEPTEMBER = date(2026, 7, 1), date(2026, 8, 1), date(2026, 9, 1)
SEATS = AgreementFacts((Fact("seats", Decimal(10)),))
FINAL = PartEnding(final=True)


def tariff(name: str, price: str, more: str = "") -> TariffVersion:
    return TariffVersion.of(
        load_tariff(
            f"""\
tariff: {name}
effective: 2020-01-01
zone: Europe/Madrid
currency: {{code: EUR}}
cycle: {{normal_days: cycle}}
needs: {{seats: seat}}
charges: [{{id: seats, qty: seats, price: {price}, per: month, in_advance: true{more}}}]
taxes: [{{id: vat, percent: 10, of: all, point: interval}}]
"""
        )
    )


OLD, NEW = tariff("old", "31.00"), tariff("new", "62.00")
DROPPED = TariffVersion.of(
    load_tariff(
        "tariff: new\neffective: 2020-01-01\nzone: Europe/Madrid\ncurrency: {code: EUR}\n"
        "charges: [{id: other, price: 1, per: day}]\n"
    )
)


def paid(tariff_name: str = "old", first: date = AUGUST, end: date = SEPTEMBER) -> CarriedState:
    """310.00 for a month of ten seats."""
    ahead = PaidAhead("seats", Decimal("310.00"), (end - first).days, 1, Origin(first, end))
    return CarriedState(advances=(ahead,), tariff=tariff_name)


def billed(  # noqa: PLR0913, PLR0917 - what a part depends on
    version: TariffVersion,
    first: date,
    end: date,
    opening: CarriedState,
    ending: PartEnding = GOES_ON,
    predecessor: TariffVersion | None = None,
) -> Rated:
    whole, days = Cycle(first.year, first.month).period, DayRange(first, end)
    period = whole
    if days != whole.days:
        period = BillingPeriod("cut", days, 1, end, (WholeMonths(whole.days, 1),))
    rated = rate(
        {},
        SEATS,
        [version],
        ResolvedCalendar(),
        days,
        period=period,
        opening=opening,
        ending=ending,
        predecessor=predecessor,
    )
    assert not rated.holds, rated.holds
    return rated


def shown(rated: Rated) -> dict[str, str]:
    return {line.key: format(line.amount, "f") for line in rated.lines}


def test_the_last_part_under_a_tariff_credits_what_was_paid_for_days_after_it() -> None:
    """August was paid at 31.00 a seat; from the 17th on the tariff is another, at 62.00."""
    change = PartEnding(successor=NEW.document)
    old = billed(OLD, AUGUST, date(2026, 8, 17), paid(), change)
    # 15 of 31 days are not used: 310.00 x 15 / 31.
    assert shown(old) == {"seats/unused": "-150.00", "vat": "-15.00"}
    assert old.closing == CarriedState()
    new = billed(NEW, date(2026, 8, 17), SEPTEMBER, old.closing)
    # 15 days of August at the new price, and September.
    assert shown(new) == {"seats": "300.00", "seats/advance": "620.00", "vat": "92.00"}
    assert old.total + new.total == Decimal("847.00")


def test_the_first_bill_under_a_tariff_credits_what_one_before_left() -> None:
    """The last bill under the old tariff was issued before anybody knew of the change."""
    new = billed(NEW, AUGUST, SEPTEMBER, paid(), predecessor=OLD)
    assert shown(new) == {
        "seats/old": "-310.00",
        "seats": "620.00",
        "seats/advance": "620.00",
        "vat": "93.00",
    }
    assert [ahead.amount for ahead in new.closing.advances] == [Decimal("620.00")]


def test_a_tariff_that_takes_it_over_goes_on_with_it() -> None:
    text = "\ntakes_over: {seats: seats}\n"
    taking = TariffVersion.of(
        load_tariff(
            "tariff: new\neffective: 2020-01-01\nzone: Europe/Madrid\ncurrency: {code: EUR}\n"
            "cycle: {normal_days: cycle}\nneeds: {seats: seat}\n"
            "charges: [{id: seats, qty: seats, price: 62, per: month, in_advance: true}]" + text
        )
    )
    old = billed(OLD, AUGUST, date(2026, 8, 17), paid(), PartEnding(successor=taking.document))
    assert shown(old) == {}
    (left,) = old.closing.advances
    assert (left.amount, left.origin.first, left.origin.end) == (
        Decimal("150.00"),
        date(2026, 8, 17),
        SEPTEMBER,
    )
    new = billed(taking, date(2026, 8, 17), SEPTEMBER, old.closing)
    # The same days cost 300.00 now, 150.00 are paid.
    assert shown(new) == {"seats/change": "150.00", "seats/advance": "620.00"}


@pytest.mark.parametrize("end", [date(2026, 8, 17), SEPTEMBER])
def test_a_version_that_drops_the_charge_credits_what_it_did_not_use(end: date) -> None:
    dropped = TariffVersion("old", date(2026, 8, 11), DROPPED.document, DROPPED.sha256)
    whole = Cycle(2026, 8).period
    rated = rate(
        {}, SEATS, [OLD, dropped], ResolvedCalendar(), DayRange(AUGUST, end),
        period=whole if end == SEPTEMBER
        else BillingPeriod("cut", DayRange(AUGUST, end), 1, end, (WholeMonths(whole.days, 1),)),
        opening=paid(),
    )  # fmt: skip
    # Ten days at 310.00 / 31 are used, 210.00 are credited; a euro a day from the 11th on.
    assert shown(rated)["seats/unused/segment1"] == "-210.00"
    assert rated.closing.advances == ()


def test_who_left_before_days_that_were_paid_for_is_settled_without_a_day() -> None:
    """The end was told after the bill of July, which charged August in advance."""
    july = billed(OLD, JULY, AUGUST, paid(first=JULY, end=AUGUST))
    assert shown(july) == {"seats/advance": "310.00", "vat": "31.00"}
    last = DayRange(date(2026, 7, 31), AUGUST)
    period = AccountPeriods({}, {}).cut_to(1, last)
    assert period is not None
    rest = settle(july.closing, SEATS, [OLD], ResolvedCalendar(), last, period, FINAL)
    assert shown(rest) == {"seats/unused": "-310.00", "vat": "-31.00"}
    assert rest.closing == CarriedState()
    in_time = billed(OLD, JULY, AUGUST, paid(first=JULY, end=AUGUST), FINAL)
    assert in_time.total == july.total + rest.total == 0


def test_a_period_that_is_paid_whole_is_credited_nothing_once_it_has_begun() -> None:
    """With `prorate: none`, by the last bill of days and by a settlement without a day alike."""
    whole = tariff("old", "31.00", ", prorate: none")

    def settled(opening: CarriedState, day: date) -> Rated:
        last = DayRange(day, day + timedelta(days=1))
        period = AccountPeriods({}, {}).cut_to(1, last)
        assert period is not None
        return settle(opening, SEATS, [whole], ResolvedCalendar(), last, period, FINAL)

    assert shown(billed(whole, AUGUST, date(2026, 8, 17), paid(), FINAL)) == {}
    goes_on = billed(whole, AUGUST, date(2026, 8, 17), paid())
    assert shown(settled(goes_on.closing, date(2026, 8, 16))) == {"seats-settlement": "0.00"}
    # August has not begun: nobody had a part of it.
    not_begun = settled(paid(), date(2026, 7, 31))
    assert shown(not_begun) == {"seats/unused": "-310.00", "vat": "-31.00"}


def under_another_version(dropping: date, more: str, version: TariffVersion = DROPPED) -> Rated:
    """August, paid in July for ten seats, under a version without the charge from a day on."""
    whole = tariff("old", "31.00", more)
    document = replace(version.document, tariff="old")
    dropped = TariffVersion("old", dropping, document, version.sha256)
    august, period = DayRange(AUGUST, SEPTEMBER), Cycle(2026, 8).period
    rated = rate(
        {}, SEATS, [whole, dropped], ResolvedCalendar(), august, period=period, opening=paid()
    )
    assert not rated.holds
    assert rated.closing.advances == ()
    return rated


def test_a_dropped_charge_that_is_paid_whole_is_credited_nothing_once_it_has_begun() -> None:
    """Ten days of August are under a version that has the charge."""
    credited = under_another_version(date(2026, 8, 11), "")
    assert shown(credited)["seats/unused/segment1"] == "-210.00"
    whole = under_another_version(date(2026, 8, 11), ", prorate: none")
    assert [key for key in shown(whole) if key.startswith("seats")] == []
    # No day of August is under it: nobody had a part of it.
    not_begun = under_another_version(AUGUST, ", prorate: none")
    assert shown(not_begun)["seats/unused"] == "-310.00"


def test_a_charge_that_is_no_longer_paid_in_advance_is_not_paid_twice() -> None:
    """Its days from the change on are charged afterwards, so what was paid for them is credited."""
    later = TariffVersion.of(
        load_tariff(
            "tariff: new\neffective: 2020-01-01\nzone: Europe/Madrid\ncurrency: {code: EUR}\n"
            "cycle: {normal_days: cycle}\nneeds: {seats: seat}\n"
            "charges: [{id: seats, qty: seats, price: 31, per: month}]\n"
        )
    )
    rated = under_another_version(date(2026, 8, 11), ", prorate: none", later)
    assert shown(rated) == {"seats/segment1": "210.00", "seats/unused/segment1": "-210.00"}
