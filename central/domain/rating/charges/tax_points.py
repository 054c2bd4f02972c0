"""Taxes whose rate is not that of each interval, but of one day for all that the bill bills.

    rate = that of the tariff version in force on the day of the tax's point: the last day that the
           bill bills, the day of issue, or the day on which it is due
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
from central.domain.rating.inputs.document_days import DocumentDays, rate_days
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.document import BY_DAY, Percent, TariffDocument
from central.domain.tariff.version import NoTariffVersionError, TariffVersion, version_on

BY_DOCUMENT = ("issue", "due")
"""Those of taxes whose rate a day of the bill's document says."""


def rate_versions(
    segments: Sequence[Segment],
    versions: Sequence[TariffVersion],
    period_end: date | None,
    document: DocumentDays,
) -> dict[str, TariffVersion]:
    """The versions that say the rates of a bill's taxes, by point; only of points that one has.

    Args:
        segments: Of what is billed.
        versions: Of its tariff, ascending.
        period_end: The last day that the bill bills; None where it bills none.
        document: Of the bill.

    Raises:
        NoTariffVersionError: A tax has a point on whose day the tariff has no version.
    """
    days = rate_days(period_end, document)
    mine = {tax.point for segment in segments for tax in segment.version.document.taxes}
    rates: dict[str, TariffVersion] = {}
    for point, day in days.items():
        try:
            version = version_on(versions, day)
        except NoTariffVersionError:
            if point in mine:
                raise
            continue
        if point in mine or point in {tax.point for tax in version.document.taxes}:
            rates[point] = version
    return rates


def taxed_by_document(versions: Sequence[TariffVersion]) -> bool:
    """Whether a day of the document says the rate of any tax of some versions."""
    return any(tax.point in BY_DOCUMENT for version in versions for tax in version.document.taxes)


def rate_inputs(rates: Mapping[str, TariffVersion]) -> dict[str, str]:
    """Canonical text of what says rates, by what it is an input as.

    Of days of the document it is the taxes alone: another price on the day of issue is none of the
    bill's.
    """
    if not rates:
        return {}
    by_point = {
        point: tax_terms(version.document) if point in BY_DOCUMENT else version.sha256
        for point, version in sorted(rates.items())
    }
    texts = {"tax_rates": canonical(by_point)}
    tables = {point: rates[point].tables_sha256 for point in sorted(rates)}
    return texts | ({"tax_tables": canonical(tables)} if any(tables.values()) else {})


def tax_terms(document: TariffDocument) -> list[list[object]]:
    """What a version says of its taxes, to be compared and hashed."""
    return [
        [
            tax.id,
            tax.name,
            format(tax.percent, "f"),
            list(tax.of),
            tax.category,
            tax.unless,
            tax.only,
            tax.point,
            tax.rate,
        ]
        for tax in document.taxes
    ]


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
