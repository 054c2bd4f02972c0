"""Facts that say whether a charge, rider or tax applies, where they change inside a bill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from central.domain.rating.charges.years import dates_inside
from central.domain.rating.determinants.context import true_fact
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.document import TariffDocument

_DAY = timedelta(days=1)


def flag_changes(segments: Sequence[Segment], facts: AgreementFacts) -> tuple[date, ...]:
    """The days inside a bill from which such a fact says something else.

    They begin a segment, as an agreed price does: what applies to some days is charged for those.
    One on which a season begins as well parts what is priced together before and after it.

    Args:
        segments: Of the bill, ascending.
        facts: Of the agreement.
    """
    dates = {
        fact.effective
        for segment in segments
        for flag in dict.fromkeys(_flags(segment.version.document))
        for fact in facts.facts
        if fact.name == flag
        and segments[0].days.first < fact.effective
        and segment.days.first <= fact.effective < segment.days.end
        and facts.at(flag, fact.effective) != facts.at(flag, fact.effective - _DAY)
    }
    return tuple(sorted(dates))


def applies_on(day: date, unless: str | None, only: str | None, facts: AgreementFacts) -> bool:
    """Whether the facts let a line apply on a day.

    Raises:
        HeldError: A fact is not known.
    """
    if unless is not None and true_fact(unless, day, facts):
        return False
    return only is None or true_fact(only, day, facts)


def borders_inside(
    segments: Sequence[Segment], facts: AgreementFacts, days: DayRange
) -> tuple[date, ...]:
    """The days inside a bill on which a year or term ends by its date, or such a fact changes.

    Raises:
        HeldError: A fact that should hold a date does not.
    """
    ends = dates_inside(segments, facts, days)
    return tuple(sorted({*ends, *flag_changes(segments, facts)}))


def _flags(document: TariffDocument) -> Iterator[str]:
    monthly = (minimum for minimum in document.minimums if minimum.per == "month")
    lines = (*document.charges, *document.riders, *document.money_banks, *monthly, *document.taxes)
    for line in lines:
        yield from filter(None, (line.unless, line.only))
