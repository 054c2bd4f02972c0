"""Taxes whose rate is not that of each interval, but of one day for all that the bill bills.

    rate = that of the tariff version in force on the day of the tax's point
    base = the lines of all days, under whichever version they were priced

A version that does not know the tax, or gives it another point, takes no part in it; a tax that the
version of that day does not know any more is not charged.

Source: docs/reference/charges.md, "Riders and taxes"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.charges.draft import VersionSpan
from central.domain.rating.hashing import canonical
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.document import Percent, TariffDocument
from central.domain.tariff.version import TariffVersion, version_on

BY_DAY = (None, "interval")
"""The points of taxes that have the rate of each day."""


def rate_versions(
    segments: Sequence[Segment], versions: Sequence[TariffVersion], period_end: date
) -> dict[str, TariffVersion]:
    """The versions that say the rates of a bill's taxes, by point; none where no tax has one.

    Args:
        segments: Of what is billed.
        versions: Of its tariff, ascending.
        period_end: The last day that the bill bills.
    """
    version = version_on(versions, period_end)
    documents = (version.document, *(segment.version.document for segment in segments))
    if all(tax.point in BY_DAY for document in documents for tax in document.taxes):
        return {}
    return {"period_end": version}


def rate_inputs(rates: Mapping[str, TariffVersion]) -> dict[str, str]:
    """Canonical text of the versions that say rates, by what they are an input as."""
    if not rates:
        return {}
    texts = {"tax_rates": canonical({point: rates[point].sha256 for point in sorted(rates)})}
    tables = {point: rates[point].tables_sha256 for point in sorted(rates)}
    return texts | ({"tax_tables": canonical(tables)} if any(tables.values()) else {})


def taxes_by_point(spans: Sequence[VersionSpan]) -> Iterator[tuple[Percent, list[RatedLine]]]:
    """The taxes that a bill has at one rate, each with the lines it is on; asked one by one.

    Args:
        spans: All of the bill, ascending; the last one knows what taxes have been added so far.
    """
    rates = spans[-1].rates
    wanted: dict[tuple[str, str], None] = {}
    said = [version.document for version in rates.values()]
    for document in (*said, *(span.document for span in spans)):
        for tax in document.taxes:
            if tax.point is not None and tax.point not in BY_DAY:
                wanted[tax.point, tax.id] = None
    for point, name in wanted:
        version = rates.get(point)
        tax_then = _tax(spans[-1].document if version is None else version.document, name)
        if tax_then is not None:
            base = [
                line
                for span in spans
                if _takes_part(span, point, tax_then)
                for line in span.base_of(tax_then)
            ]
            if base:
                yield tax_then, base


def _tax(document: TariffDocument, name: str) -> Percent | None:
    return next((tax for tax in document.taxes if tax.id == name), None)


def _takes_part(span: VersionSpan, point: str, tax: Percent) -> bool:
    mine = _tax(span.document, tax.id)
    return (mine is None or mine.point == point) and span.applies(tax.unless, tax.only)
