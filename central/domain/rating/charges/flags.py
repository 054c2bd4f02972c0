"""Facts that say whether a charge, rider or tax applies, where they change inside a bill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from central.domain.rating.charges.years import dates_inside
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.document import Charge, TariffDocument

_DAY = timedelta(days=1)


def flag_changes(segments: Sequence[Segment], facts: AgreementFacts) -> tuple[date, ...]:
    """The days inside segments of a bill from which such a fact says something else.

    They begin a segment, as an agreed price does: what applies to some days is charged for those.

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
        and segment.days.first < fact.effective < segment.days.end
        and facts.at(flag, fact.effective) != facts.at(flag, fact.effective - _DAY)
    }
    return tuple(sorted(dates))


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
    for line in (*document.charges, *document.riders, *document.taxes):
        only = line.only if isinstance(line, Charge) else None
        yield from filter(None, (line.unless, only))
