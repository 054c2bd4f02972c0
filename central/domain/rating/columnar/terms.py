"""What many bills that are rated together share, and what each has of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from central.domain.rating.charges.ending import GOES_ON, PartEnding
from central.domain.rating.determinants.account_overrides import overrides_in
from central.domain.rating.determinants.align import Blocks
from central.domain.rating.determinants.lookup import rated_by_fact
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.document_days import DocumentDays
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.one_off import OneOff
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Events
from central.domain.rating.rate import RatingOptions
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.version import TariffVersion

_ROUNDED = RatingOptions()


@dataclass(frozen=True, slots=True)
class Meter:
    """What differs between the bills of a batch.

    Args:
        blocks: Input to day blocks.
        facts: Of the agreement.
        opening: What earlier bills left.
        grants: Money paid into its banks or prepaid balance.
        one_offs: Charges and credits posted once.
        events: Stream to events.
    """

    blocks: Blocks
    facts: AgreementFacts = field(default_factory=AgreementFacts)
    opening: CarriedState = field(default_factory=CarriedState)
    grants: tuple[Grant, ...] = ()
    one_offs: tuple[OneOff, ...] = ()
    events: Events = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the bills of a batch share.

    Args:
        versions: Of the tariff, ascending.
        calendar: Resolved holidays.
        days: Local days billed.
        period: Of the bills.
        prices: Price series.
        options: Rounding and lineage.
        ending: What ends with the bills.
        predecessor: The tariff version that their opening states are of, where that is another's.
        period_end: The last day that their bills bill, where that is after these days.
        document_days: Of their bills; None for those of one that is issued on the day after.
        stay: All days that the bill bills of each occupancy, where other parts of it have some
            under another tariff; None for `days`.
    """

    versions: tuple[TariffVersion, ...]
    calendar: ResolvedCalendar
    days: DayRange
    period: BillingPeriod
    prices: tuple[PriceSeries, ...] = ()
    options: RatingOptions = _ROUNDED
    ending: PartEnding = GOES_ON
    predecessor: TariffVersion | None = None
    period_end: date | None = None
    document_days: DocumentDays | None = None
    stay: DayRange | None = None


def alike_in_prices(meters: Sequence[Meter], versions: Sequence[TariffVersion]) -> list[list[int]]:
    """Numbers of meters of which the same prices and discounts were agreed, or none.

    Args:
        meters: In any order.
        versions: Of their tariff, whose prices may be those of facts, or of tables by facts.
    """
    documents = [version.document for version in versions]
    priced = {name for document in documents for name in rated_by_fact(document)}
    keys = {name for document in documents for table in document.tables for name in table.by}
    also = {each.name for document in documents for each in document.parameters if each.agreed}
    also |= priced | keys if priced else set()
    groups: dict[object, list[int]] = {}
    for number, meter in enumerate(meters):
        key: tuple[object, ...] = ()
        if meter.facts.facts:
            names = also.union(overrides_in(meter.facts))
            agreed = (fact for fact in meter.facts.facts if fact.name in names)
            key = tuple(map(spelled_fact, agreed)) if names else ()
        groups.setdefault(key, []).append(number)
    return list(groups.values())


def spelled_fact(fact: Fact) -> tuple[object, ...]:
    """A fact as a key; a number and a word of the same text are not the same."""
    return (fact.name, type(fact.value), fact.value, fact.effective)
