"""What an invoice says beside its lines: taxes by rate, comparisons, payment, codes, estimates."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import segno

from central.adapters.documents.wording import Wording
from central.domain.billing.bill import SupplySummary
from central.domain.billing.bill_comparison import BillComparison, Cause, bars
from central.domain.billing.invoice import Invoice
from central.domain.billing.invoice_terms import InvoiceTerms, SupplyTerms
from central.domain.billing.payment_code import payment_code, printed_iban
from central.domain.billing.printable import unprintable
from central.domain.rating.daily_usage import DailyUsage
from central.service.billing.invoice_document import PrintedBeside, PrintedCode
from central.service.views.usage_chart import ChartTexts

_CAUSES = {
    Cause.DAYS: "Days",
    Cause.USE: "Use",
    Cause.PRICE: "Prices and taxes",
    Cause.SEASON: "Season",
    Cause.OTHER: "Other charges",
}
_DAY = timedelta(days=1)


def sections(
    invoice: Invoice,
    beside: PrintedBeside,
    usage: Sequence[DailyUsage],
    say: Wording,
    *,
    issued: bool,
) -> dict[str, Any]:
    """The members of a document's content that its template places."""
    terms = invoice.issue.terms or InvoiceTerms()
    texts = (
        (say("Complaints"), terms.complaint_text),
        (say("Changing supplier"), terms.switching_text),
    )
    return {
        "attached": [file._asdict() for file in beside.attached],
        "taxes": _taxes(invoice, say),
        "payment": {"rows": _payment(invoice, say) if issued else []},
        "codes": [_drawn(code) for code in _codes(invoice, beside, say)] if issued else [],
        "comparisons": [
            _comparison(comparison, title, say, invoice.digits)
            for comparison, title in (
                (beside.last_period, say("Beside the period before")),
                (beside.last_year, say("Beside the same period a year before")),
            )
            if comparison is not None
        ],
        "texts": [{"title": title, "text": text} for title, text in texts if text],
        "estimated": [_estimated(each, say) for each in usage if each.estimated],
    }


def supply_details(
    supply: SupplySummary, invoice: Invoice, first_line: str, say: Wording
) -> list[str]:
    """What is said of a service point: address and code, then tariff and days."""
    terms = next(
        (each for each in invoice.supplies if each.service_point == supply.service_point),
        SupplyTerms(supply.service_point),
    )
    code = f"{terms.scheme} {terms.code}".strip()
    title = invoice.titles.get(supply.tariff)
    # What no font has is left out; of names the bill was asked before it was issued.
    address = "" if unprintable(terms.address) else terms.address
    where = " · ".join(text for text in (address, code) if text)
    shown = title is not None and not unprintable(title)
    named = f"{title} ({supply.tariff})" if shown else supply.tariff
    return [*([where] if where else []), say("Tariff: {tariff}", tariff=named), first_line]


def chart_texts(usage: DailyUsage, say: Wording) -> ChartTexts:
    """What a chart of usage says."""
    return ChartTexts(say("{unit} per day", unit=usage.unit), say.short_day, say.numeral)


def _taxes(invoice: Invoice, say: Wording) -> list[dict[str, str]]:
    digits = invoice.digits
    rows = [
        {
            "name": group.rate.name,
            "rate": f"{say.number(group.rate.percent)} %",
            "base": say.money(group.base, digits),
            "tax": say.money(group.tax, digits),
        }
        for group in invoice.taxes
    ]
    if invoice.untaxed and rows:
        base = say.money(invoice.untaxed, digits)
        rows.append({"name": say("Not taxed"), "rate": "", "base": base, "tax": ""})
    return rows


def _payment(invoice: Invoice, say: Wording) -> list[list[str]]:
    means = invoice.payment
    if means is None or invoice.amounts.due <= 0:
        return []
    holder = means.holder or invoice.bill.seller.name
    rows = [[say("Pay to"), holder], ["IBAN", printed_iban(means.iban)]]
    if means.bic:
        rows.append(["BIC", means.bic])
    return [*rows, [say("Reference"), invoice.issue.number]]


def _codes(invoice: Invoice, beside: PrintedBeside, say: Wording) -> list[PrintedCode]:
    means, bill = invoice.payment, invoice.bill
    if means is None:
        return list(beside.codes)
    content = payment_code(
        means, bill.seller.name, invoice.amounts.due, bill.currency, invoice.issue.number
    )
    mine = [] if content is None else [PrintedCode(say("Pay by phone"), content)]
    return [*mine, *beside.codes]


def _drawn(code: PrintedCode) -> dict[str, str]:
    drawn = io.BytesIO()
    # Level M, as EPC069-12 and the Spanish register ask.
    # Any mask can be read; to look for the fairest of the eight takes most of the time.
    matrix = segno.make(code.content, error="m", mask=0, boost_error=False, micro=False)
    matrix.save(drawn, kind="svg", xmldecl=False, svgclass=None, lineclass=None, border=4)
    return {"caption": code.caption, "svg": drawn.getvalue().decode()}


def _comparison(
    comparison: BillComparison, title: str, say: Wording, digits: int
) -> dict[str, Any]:
    first, *middle, last = bars(comparison)
    rows = [_bar(say.days(comparison.days), say.money(comparison.before, digits), first)]
    for (cause, amount), ends in zip(comparison.causes, middle, strict=True):
        if amount:
            rows.append(_bar(say(_CAUSES[cause]), say.change(amount, digits), ends, cause=True))
    rows.append(_bar(say("This bill"), say.money(comparison.now, digits), last))
    return {"title": title, "rows": rows}


def _bar(name: str, amount: str, ends: tuple[int, int], *, cause: bool = False) -> dict[str, Any]:
    """A row with its bar, which reaches back where a cause charges less."""
    low, high = sorted(ends)
    less = cause and ends[1] < ends[0]
    row = {"name": name, "amount": amount, "from": low, "to": high}
    return {**row, "less": less, "strong": not cause}


def _estimated(usage: DailyUsage, say: Wording) -> str:
    """Which days are estimated, days in a row as one range."""
    runs: list[list[date]] = []
    for day in usage.estimated:
        if runs and day - runs[-1][1] == _DAY:
            runs[-1][1] = day
        else:
            runs.append([day, day])
    dash = "–"  # noqa: RUF001 - a typographic dash
    listed = ", ".join(
        say.day(first) if first == last else f"{say.day(first)} {dash} {say.day(last)}"
        for first, last in runs
    )
    count, of = len(usage.estimated), len(usage.days)
    text = "Estimated in part: {count} of {days} days ({listed})."
    listing = say(text, count=count, days=of, listed=listed)
    return f"{usage.service_point}: {listing}" if usage.service_point else listing
