"""The rate of a tax is that of each interval, or one for all that the bill bills."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.document_days import DocumentDays
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_kept, load_tariff
from central.domain.tariff.refusal import TariffRefusedError
from central.domain.tariff.version import TariffVersion

JUNE = DayRange(date(2026, 6, 1), date(2026, 7, 1))
TEXT = """\
tariff: taxed
effective: {effective}
zone: UTC
currency: {{code: EUR, digits: 2}}
charges:
  - {{id: rent, price: 1, per: day}}
  - {{id: fee, price: 0.1, per: day}}
taxes:
{taxes}
"""
NO_FACTS = AgreementFacts()
CALENDAR = ResolvedCalendar()


def version(effective: str, *taxes: str) -> TariffVersion:
    lines = "\n".join(f"  - {{{tax}}}" for tax in taxes)
    text = TEXT.format(effective=effective, taxes=lines)
    return TariffVersion.of(load_tariff(text if taxes else text.replace("taxes:\n", "")))


def vat(percent: int, point: str = "period_end", more: str = "") -> str:
    return f"id: vat, percent: {percent}, of: all, point: {point}{more}"


def taxes_of(rated: Rated) -> list[tuple[str, str, str, date]]:
    assert not rated.holds
    return [
        (line.id, f"{line.price}", f"{line.amount}", line.first)
        for line in rated.lines
        if line.kind == "tax"
    ]


def rated(
    *versions: TariffVersion,
    facts: AgreementFacts = NO_FACTS,
    until: date | None = None,
    document: DocumentDays | None = None,
) -> Rated:
    alone = rate({}, facts, versions, CALENDAR, JUNE, period_end=until, document_days=document)
    period = BillingPeriod.month(JUNE)
    terms = Terms(versions, CALENDAR, JUNE, period, period_end=until, document_days=document)
    # Many at once say the same, with the same hash.
    assert rate_many([Meter({}, facts)] * 5, terms) == [alone] * 5
    return alone


FIRST, OTHER = date(2026, 6, 1), date(2026, 6, 11)


def test_a_change_inside_splits_the_tax_or_takes_the_last_rate_for_all() -> None:
    split = rated(
        version("2026-01-01", vat(21, "interval")), version("2026-06-11", vat(10, "interval"))
    )
    assert taxes_of(split) == [("vat", "21", "2.31", FIRST), ("vat", "10", "2.20", OTHER)]
    whole = rated(version("2026-01-01", vat(21)), version("2026-06-11", vat(10)))
    assert taxes_of(whole) == [("vat", "10", "3.30", FIRST)]
    assert whole.lines[-1].of == ("rent/segment0", "fee/segment0", "rent/segment1", "fee/segment1")


def test_a_change_after_these_days_counts_where_the_bill_goes_on() -> None:
    versions = version("2026-01-01", vat(21)), version("2026-07-01", vat(10))
    alone, longer = rated(*versions), rated(*versions, until=date(2026, 7, 14))
    assert taxes_of(alone) == [("vat", "21", "6.93", FIRST)]
    assert taxes_of(longer) == [("vat", "10", "3.30", FIRST)]
    assert alone.input_sha256 != longer.input_sha256


@pytest.mark.parametrize(
    ("point", "issued", "due", "taxes"),
    [
        # 33.00 net: 21 % until 4 July, 10 % from 5 July on.
        ("issue", 4, 18, [("vat", "21", "6.93", FIRST)]),
        ("issue", 5, 19, [("vat", "10", "3.30", FIRST)]),
        ("due", 4, 4, [("vat", "21", "6.93", FIRST)]),
        ("due", 4, 18, [("vat", "10", "3.30", FIRST)]),
        ("period_end", 31, 31, [("vat", "21", "6.93", FIRST)]),
    ],
)
def test_the_day_of_the_document_says_the_rate_for_all(
    point: str, issued: int, due: int, taxes: list[tuple[str, str, str, date]]
) -> None:
    versions = version("2026-01-01", vat(21, point)), version("2026-07-05", vat(10, point))
    days = DocumentDays(date(2026, 7, issued), date(2026, 7, due))
    assert taxes_of(rated(*versions, document=days)) == taxes
    # Of what is no bill: on the day after the last.
    assert taxes_of(rated(*versions)) == [("vat", "21", "6.93", FIRST)]


def test_other_days_of_the_document_are_no_input_of_bills_that_do_not_ask() -> None:
    versions = version("2026-01-01", vat(21)), version("2026-07-05", vat(10))
    late = DocumentDays(date(2026, 9, 1), date(2026, 9, 1))
    assert rated(*versions, document=late).sha256 == rated(*versions).sha256
    # Of those that ask, what the version of that day says of its taxes is; not its prices.
    asks = version("2026-01-01", vat(21, "issue")), version("2026-07-05", vat(10, "issue"))
    assert rated(*asks, document=late).input_sha256 != rated(*asks).input_sha256
    same = version("2026-01-01", vat(21, "issue")), version("2026-07-05", vat(21, "issue"))
    assert rated(*same, document=late).sha256 == rated(*same).sha256


def test_where_the_law_comes_to_name_the_day_of_issue_each_day_is_taxed_once() -> None:
    late = DocumentDays(date(2026, 7, 10), date(2026, 7, 10))
    inside = version("2026-01-01", vat(21)), version("2026-06-11", vat(10, "issue"))
    # The first ten days have the rate of the last one, the rest that of the day of issue.
    assert [tax[:3] for tax in taxes_of(rated(*inside, document=late))] == [
        ("vat", "10", "2.20"),
        ("vat", "10", "1.10"),
    ]
    behind = version("2026-01-01", vat(21)), version("2026-07-05", vat(10, "issue"))
    assert taxes_of(rated(*behind, document=late)) == [("vat", "21", "6.93", FIRST)]


@pytest.mark.parametrize(
    ("before", "since", "taxes"),
    [
        ((), (vat(10),), [("vat", "10", "3.30", FIRST)]),
        ((vat(21),), (), []),
        # Where the law itself changes, each day is taxed once.
        (
            (vat(21, "interval"),),
            (vat(10),),
            [("vat", "21", "2.31", FIRST), ("vat", "10", "2.20", OTHER)],
        ),
        (
            (vat(21),),
            (vat(10, "interval"),),
            [("vat", "10", "2.20", OTHER), ("vat", "10", "1.10", FIRST)],
        ),
    ],
    ids=["new", "gone", "to one rate", "to each day's"],
)
def test_a_tax_that_comes_or_goes_taxes_each_day_once(
    before: tuple[str, ...], since: tuple[str, ...], taxes: list[tuple[str, str, str, date]]
) -> None:
    found = taxes_of(rated(version("2026-01-01", *before), version("2026-06-11", *since)))
    assert [tax[:3] for tax in found] == [tax[:3] for tax in taxes]


def test_days_that_are_exempt_are_no_part_of_the_base() -> None:
    facts = AgreementFacts((Fact("exempt", value=True, effective=OTHER),))
    facts = facts.merged(AgreementFacts((Fact("exempt", value=False, effective=FIRST),)))
    text = TEXT.format(effective="2026-01-01", taxes=f"  - {{{vat(10, more=', unless: exempt')}}}")
    document = load_tariff(text + "needs: {exempt: bool}\n")
    found = rated(TariffVersion.of(document), facts=facts)
    assert [tax[:3] for tax in taxes_of(found)] == [("vat", "10", "1.10")]


def test_a_tax_on_a_tax_has_its_rate_as_well() -> None:
    def duty(percent: int) -> str:
        return f"id: duty, percent: {percent}, of: rent, point: period_end"

    def on_both(percent: int) -> str:
        return f"id: vat, percent: {percent}, of: [all, duty], point: period_end"

    found = rated(
        version("2026-01-01", duty(5), on_both(21)), version("2026-06-11", duty(10), on_both(10))
    )
    assert [tax[:3] for tax in taxes_of(found)] == [("duty", "10", "3.00"), ("vat", "10", "3.60")]


def test_a_tax_says_which_rate_it_has_and_kept_ones_that_of_each_day() -> None:
    text = TEXT.format(effective="2026-01-01", taxes="  - {id: vat, percent: 21, of: all}")
    with pytest.raises(TariffRefusedError, match="TARIFF_NO_TAX_POINT"):
        load_tariff(text)
    kept = load_kept(text, file="kept")
    assert kept.taxes[0].point is None
    before = TariffVersion.of(kept)
    later = version("2026-06-11", vat(10, "interval"))
    assert taxes_of(rated(before, later)) == [
        ("vat", "21", "2.31", FIRST),
        ("vat", "10", "2.20", OTHER),
    ]
    assert kept.taxes[0].percent == Decimal(21)
