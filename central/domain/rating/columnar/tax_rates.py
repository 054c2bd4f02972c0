"""Taxes that have one rate for a bill, where many bills are rated together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from central.domain.rating.charges.tax_points import rate_versions, tax_terms
from central.domain.rating.columnar.terms import Terms
from central.domain.rating.inputs.document_days import DocumentDays, rate_days
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.version import TariffVersion


def rates_of(
    terms: Terms, segments: Sequence[Segment], versions: Sequence[TariffVersion]
) -> dict[str, TariffVersion]:
    """The versions that say the rates of taxes which are one for a bill, by the tax's point."""
    return rate_versions(segments, versions, *_days(terms))


def _days(terms: Terms) -> tuple[date, DocumentDays]:
    last = terms.period_end or terms.days.last
    return last, terms.document_days or DocumentDays.after(last)


def by_point(terms: Terms) -> dict[str, date]:
    """Days of taxes that are one for a bill, by the point of the tax."""
    return rate_days(*_days(terms))


def taxed_alike(segments: Sequence[Segment], rates: Mapping[str, TariffVersion]) -> bool:
    """Whether taxes at one rate for the bill are as those of its days, all under one version.

    A price that was agreed, or that a dated table gives, from within the bill on makes two of one.
    """
    if not rates:
        return True
    mine = segments[0].version
    taxes = tax_terms(mine.document)
    return all(segment.version == mine for segment in segments) and all(
        version.sha256 == mine.sha256 or tax_terms(version.document) == taxes
        for version in rates.values()
    )
