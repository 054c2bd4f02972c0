"""The invoice as PDF, through typst: the same bill gives the same bytes on every machine."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import typst

from central.domain.billing.bill import Bill, BillLine, Party, SupplySummary
from central.domain.billing.bill_texts import printed_texts
from central.domain.billing.billing_settings import LOCALES
from central.domain.billing.document_template import TEMPLATES, DocumentTemplate, template_of
from central.domain.billing.issue import IssueFacts
from central.domain.billing.printable import named, unprintable_holds
from central.domain.billing.read import MeterRead
from central.domain.billing.state import BillState
from central.domain.rating.daily_usage import DailyUsage
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.invoice_document import (
    DocumentError,
    UnprintableTextError,
)
from central.service.views.usage_chart import draw_usage
from firmware_bridge.contract.interval import MIDNIGHT

_COMPILING = threading.Lock()
_LACKS = "could not be displayed"
_LACKED = re.compile(rf'the text `"(.+?)"` {_LACKS}')
_UNITS = {"day": "days", "month": "months", "year": "years"}


def render_invoice(
    bill: Bill,
    *,
    usage: Sequence[DailyUsage] = (),
    issue: IssueFacts | None = None,
    sha256: str | None = None,
    template: DocumentTemplate | None = None,
) -> bytes:
    """Render a bill as a PDF/A-3 invoice.

    The creation date is that of issue, or the first day after the bill for a draft; system fonts,
    the clock, and what registry and settings say today are not looked at.

    Args:
        bill: What to print.
        usage: Daily usage to chart, one picture each.
        issue: Number and dates; a bill without them is printed as what it is, a draft.
        sha256: Of what the bill says, as it is printed; None takes the bill's own.
        template: What it is typeset from; None takes this release's newest.

    Returns:
        The PDF file.

    Raises:
        UnprintableTextError: The fonts lack what the bill says, or nobody would see it; what was
            issued before that was looked at is printed as it was.
        DocumentError: The typesetter refuses it for another reason.
    """
    if issue is None and (lacking := unprintable_holds(printed_texts(bill))):
        raise _unprintable(bill, lacking)
    created = bill.days.end if issue is None else issue.issued
    stamp = datetime.combine(created, time(), UTC)
    content = _content(bill, usage, issue) | {"hash": sha256 or bill.sha256}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    try:
        with _COMPILING:
            made = _compiler().compile(
                (template or template_of(TEMPLATES[-1])).text,
                format="pdf",
                sys_inputs={"data": text},
                timestamp=stamp,
                pdf_standards="a-3b",
            )
    except typst.TypstError as error:
        raise _refusal(bill, str(error)) from error
    if not isinstance(made, bytes):
        message = "The typesetter produced no PDF."
        raise DocumentError(message)
    return made


def _refusal(bill: Bill, said: str) -> UnprintableTextError | DocumentError:
    """What a refusal of the typesetter means for a bill."""
    lacking = unprintable_holds(printed_texts(bill))
    of = _name(bill)
    if lacking:
        return _unprintable(bill, lacking)
    if _LACKS in said:
        signs = dict.fromkeys(sign for found in _LACKED.findall(said) for sign in found)
        message = f"{of} cannot be printed: the fonts have no {named(signs)}."
        return UnprintableTextError(message, value="".join(signs))
    reason = said.strip().partition("\n")[0]
    return DocumentError(f"{of} cannot be typeset: {reason}.")


def _unprintable(bill: Bill, lacking: Sequence[Hold]) -> UnprintableTextError:
    message = f"{_name(bill)} cannot be printed. {' '.join(hold.message for hold in lacking)}"
    remedy = "Replace these characters, and bill the account again."
    return UnprintableTextError(message, value=lacking[0].evidence, remedy=remedy)


def _name(bill: Bill) -> str:
    return f"The bill {bill.account} of {bill.period}"


@cache
def _compiler() -> typst.Compiler:
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    return typst.Compiler(font_paths=fonts)


def _content(bill: Bill, usage: Sequence[DailyUsage], issue: IssueFacts | None) -> dict[str, Any]:
    return {
        "title": _title(bill, issue),
        "heading": "Credit note" if bill.cancels else "Invoice" if issue else "Bill",
        "status": "" if issue and bill.state is BillState.ISSUED else str(bill.state),
        # Across every page of what is no invoice.
        "mark": "" if issue else "DRAFT" if bill.cancels else "DRAFT, NO INVOICE",
        "locale": issue.locale if issue else LOCALES[0],
        "seller": _party(bill.seller),
        "buyer": _party(bill.buyer),
        "facts": _facts(bill, issue),
        "currency": bill.currency,
        "due_label": bill.amounts.due_label,
        "due": money(abs(bill.amounts.due)),
        "due_note": _due_note(bill, issue),
        "payment_text": issue.payment_text if issue else "",
        "supplies": [_supply(supply) for supply in bill.supplies],
        "lines": [_line(entry, several=len(bill.supplies) > 1) for entry in bill.lines],
        "totals": _totals(bill),
        "charts": [{"title": _chart_title(entry), "svg": draw_usage(entry)} for entry in usage],
        "notes": [*_notes(bill), *_issued_notes(issue)],
    }


def _title(bill: Bill, issue: IssueFacts | None) -> str:
    if bill.cancels is not None:
        named = f"Credit note {issue.number}" if issue else "Draft credit note"
        return f"{named} of invoice {bill.cancels.number}"
    return f"Invoice {issue.number}" if issue else f"Draft bill {bill.account} {bill.period}"


def _party(party: Party) -> dict[str, Any]:
    return party.to_json()


def _facts(bill: Bill, issue: IssueFacts | None) -> list[list[str]]:
    facts = []
    if issue:
        facts.append(["Credit note number" if bill.cancels else "Invoice number", issue.number])
        facts.append(["Date of issue", day_text(issue.issued)])
    if bill.cancels is not None:
        facts.append(["Of invoice", bill.cancels.number])
        facts.append(["Issued on", day_text(bill.cancels.issued)])
    if bill.replaced:
        facts.append(["Replaces invoice", bill.replaced])
    facts.append(["Account", bill.account])
    starts = {supply.day_start for supply in bill.supplies}
    first, last = _ends(bill.days, starts.pop() if len(starts) == 1 else MIDNIGHT)
    if all(supply.settles for supply in bill.supplies):
        facts.append(["Final settlement", f"after {last}"])
    else:
        facts.append(["Billing period", f"{first} – {last}"])  # noqa: RUF001 - a typographic dash
        facts.append(["Days", str(bill.days.count)])
    if issue and bill.amounts.due > 0:
        facts.append(["Payment due", day_text(issue.due)])
    return facts


def _issued_notes(issue: IssueFacts | None) -> list[str]:
    if issue is None:
        return []
    head = f"Head of the audit log on {issue.issued}: {issue.audit_head}"
    return [note for note in (issue.footer_text, head if issue.audit_head else "") if note]


def _due_note(bill: Bill, issue: IssueFacts | None) -> str:
    if bill.holds:
        return "This bill is held; it is not payable."
    if issue is None:
        return "Not yet issued."
    if bill.cancels is not None:
        return f"Cancels the charges below, which invoice {bill.cancels.number} made."
    if bill.amounts.due <= 0:
        return "Nothing is to be paid."
    return f"Please pay by {day_text(issue.due)}, quoting {issue.number}."


def _chart_title(usage: DailyUsage) -> str:
    """What a chart shows, and of which service point where the bill has several."""
    title = f"Daily usage, {usage.unit}"
    return f"{title}: {usage.service_point}" if usage.service_point else title


def _supply(supply: SupplySummary) -> dict[str, Any]:
    first, last = _ends(supply.days, supply.day_start)
    days = f"{first} to {last} ({supply.days.count} days)"
    return {
        "title": supply.service_point,
        "subtitle": f"{supply.tariff} · {f'settled after {last}' if supply.settles else days}",
        "reads": [_read(read, supply.zone) for read in supply.reads],
    }


def _ends(days: DayRange, at: time) -> tuple[str, str]:
    """First and last day; where days do not begin at midnight, the instants at both ends."""
    if at == MIDNIGHT:
        return day_text(days.first), day_text(days.last)
    return f"{day_text(days.first)} {at:%H:%M}", f"{day_text(days.end)} {at:%H:%M}"


def _read(read: MeterRead, zone: str) -> dict[str, Any]:
    return {
        "serial": read.serial,
        "register": read.register,
        "opening": "" if read.opening is None else shown(read.opening),
        "opened": instant_text(read.opened, zone),
        "closing": "" if read.closing is None else shown(read.closing),
        "closed": instant_text(read.closed, zone),
        "multiplier": number(read.multiplier),
        "usage": shown(read.usage),
        "unit": read.unit,
        "estimated": read.estimated,
    }


def _line(entry: BillLine, *, several: bool) -> dict[str, str]:
    line = entry.line
    name = line.name
    if line.label:
        name += f", {line.label.replace('_', ' ')}"
    if line.tier:
        name += f", tier {line.tier}"
    details = [entry.service_point] if several else []
    if line.segment or "/segment" in line.key:
        last = line.end - timedelta(days=1)
        details.append(f"{day_text(line.first)} to {day_text(last)}")
    percent = line.note == "percent"
    if line.note and not percent:
        details.append(line.note)
    quantity = "" if line.quantity is None else shown(line.quantity)
    price = "" if line.price is None else number(line.price, least=2)
    unit = line.unit if line.quantity in {None, Decimal(1)} else _UNITS.get(line.unit, line.unit)
    if percent and line.quantity is not None and line.price is not None:
        quantity, unit = money(line.quantity), line.unit
        price = f"{number(line.price)} %"
    return {
        "name": name,
        "detail": " · ".join(details),
        "quantity": quantity,
        "unit": unit,
        "price": price,
        "amount": money(line.amount),
    }


def _totals(bill: Bill) -> list[dict[str, Any]]:
    return [
        {"name": row.name, "amount": money(row.amount), "strong": row.strong}
        for row in bill.amounts.rows
    ]


def _notes(bill: Bill) -> list[str]:
    notes = [f"Held: {hold.message}" for hold in bill.holds]
    if any(read.estimated for supply in bill.supplies for read in supply.reads):
        notes.append("Part of the usage was estimated; it is settled with the next actual read.")
    notes += bill.carried_texts
    if bill.cancels is not None:
        return [*notes, f"Content of the invoice: SHA-256 {bill.cancels.sha256}"]
    zones = sorted({supply.zone for supply in bill.supplies})
    notes.append(
        f"Times of reads are local ({', '.join(zones)}). Usage is exact to the printed unit."
    )
    return notes


def money(amount: Decimal) -> str:
    """An amount with thousands separated, its digits as they are."""
    return f"{amount:,f}"


def shown(value: Decimal) -> str:
    """A number with thousands separated, its digits as the register or the tariff has them."""
    return f"{value:,f}"


def number(value: Decimal, *, least: int = 0) -> str:
    """A number with thousands separated and no needless zeros.

    Args:
        value: The number.
        least: Decimals that are always shown.
    """
    plain = value.normalize()
    exponent = plain.as_tuple().exponent
    digits = max(least, -exponent if isinstance(exponent, int) else 0)
    return f"{value:,.{digits}f}"


def day_text(day: date) -> str:
    """A date that reads the same everywhere: 31 Oct 2026."""
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return f"{day.day} {months[day.month - 1]} {day.year}"


def instant_text(instant: datetime, zone: str) -> str:
    """An instant in local time."""
    local = instant.astimezone(ZoneInfo(zone))
    return f"{day_text(local.date())} {local:%H:%M}"
