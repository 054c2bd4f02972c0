"""The invoice as PDF, through typst: the same bill gives the same bytes on every machine."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import typst

from central.adapters.documents.factur_x import with_factur_x
from central.adapters.documents.invoice_sections import chart_texts, sections, supply_details
from central.adapters.documents.wording import Wording
from central.domain.billing.bill import Bill, BillLine, Party, SupplySummary
from central.domain.billing.bill_texts import printed_texts
from central.domain.billing.billing_settings import LOCALES
from central.domain.billing.document_template import TEMPLATES, DocumentTemplate, template_of
from central.domain.billing.invoice import Invoice, invoice_of
from central.domain.billing.issue import IssueFacts
from central.domain.billing.printable import named, unprintable_holds
from central.domain.billing.read import MeterRead
from central.domain.billing.state import BillState
from central.domain.einvoice.form import ATTACHED_AS, FACTUR_X_LEVEL, EInvoiceForm
from central.domain.rating.bill_lines.adjusted_line import AdjustedLine
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.daily_usage import DailyUsage
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.invoice_document import (
    DocumentError,
    PrintedBeside,
    UnprintableTextError,
)
from central.service.views.usage_chart import draw_usage
from firmware_bridge.contract.interval import MIDNIGHT

_COMPILING = threading.Lock()
_LACKS = "could not be displayed"
_LACKED = re.compile(rf'the text `"(.+?)"` {_LACKS}')
_UNITS = {"day": "days", "month": "months", "year": "years"}
_WORDS = {
    "amount": "Amount",
    "base": "Base",
    "bill_to": "Bill to",
    "charges": "Charges",
    "content_hash": "Bill content SHA-256",
    "current_read": "Current read",
    "description": "Description",
    "factor": "Factor",
    "meter": "Meter",
    "of": "of",
    "page": "Page",
    "part_estimated": "part estimated",
    "previous_read": "Previous read",
    "price": "Price",
    "quantity": "Quantity",
    "rate": "Rate",
    "register": "Register",
    "tax": "Tax",
    "tax_amount": "Tax amount",
    "tax_number": "Tax no.",
    "taxes": "Taxes by rate",
    "unit": "Unit",
    "usage": "Usage",
}
"""What templates print beside the bill; those before invoice-3 say it in English themselves."""


def render_invoice(  # noqa: PLR0913 - what a document is made of
    bill: Bill,
    *,
    usage: Sequence[DailyUsage] = (),
    issue: IssueFacts | None = None,
    sha256: str | None = None,
    template: DocumentTemplate | None = None,
    beside: PrintedBeside | None = None,
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
        beside: What it says beside the bill; None for nothing.

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
    content = _content(bill, usage, issue, beside or PrintedBeside())
    content["hash"] = sha256 or bill.sha256
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
    hybrid = ATTACHED_AS[EInvoiceForm.CII]
    if beside is not None and any(file.name == hybrid for file in beside.attached):
        return with_factur_x(made, hybrid, FACTUR_X_LEVEL)
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


def _content(
    bill: Bill, usage: Sequence[DailyUsage], issue: IssueFacts | None, beside: PrintedBeside
) -> dict[str, Any]:
    say = Wording(issue.locale if issue else LOCALES[0])
    invoice = invoice_of(
        bill, issue or IssueFacts("", bill.days.end, bill.days.end), beside.tariffs
    )
    digits = invoice.digits
    return sections(invoice, beside, usage, say, issued=issue is not None) | {
        "title": _title(bill, issue, say),
        "heading": say("Credit note" if bill.cancels else "Invoice" if issue else "Bill"),
        "status": "" if issue and bill.state is BillState.ISSUED else str(bill.state),
        # Across every page of what is no invoice.
        "mark": "" if issue else "DRAFT" if bill.cancels else "DRAFT, NO INVOICE",
        "locale": say.locale,
        "words": {name: say(text) for name, text in _WORDS.items()},
        "seller": _party(bill.seller),
        "buyer": _party(bill.buyer),
        "facts": _facts(bill, issue, say),
        "currency": bill.currency,
        "due_label": say(bill.amounts.due_label),
        "due": say.money(abs(bill.amounts.due), digits),
        "due_note": _due_note(bill, issue, say),
        "payment_text": issue.payment_text if issue else "",
        "supplies": [_supply(supply, invoice, say) for supply in bill.supplies],
        "lines": [_line(entry, invoice, say) for entry in bill.lines],
        "totals": _totals(bill, digits, say),
        "charts": [
            {
                "title": _chart_title(entry, say),
                "svg": draw_usage(entry, texts=chart_texts(entry, say)),
            }
            for entry in usage
        ],
        "notes": [*_notes(bill, say), *_issued_notes(issue, say)],
    }


def _title(bill: Bill, issue: IssueFacts | None, say: Wording) -> str:
    if issue is None:
        if bill.cancels is not None:
            return f"Draft credit note of invoice {bill.cancels.number}"
        return f"Draft bill {bill.account} {bill.period}"
    if bill.cancels is not None:
        text = "Credit note {number} of invoice {cancelled}"
        return say(text, number=issue.number, cancelled=bill.cancels.number)
    return say("Invoice {number}", number=issue.number)


def _party(party: Party) -> dict[str, Any]:
    return party.to_json()


def _facts(bill: Bill, issue: IssueFacts | None, say: Wording) -> list[list[str]]:
    facts = []
    if issue:
        name = "Credit note number" if bill.cancels else "Invoice number"
        facts.append([say(name), issue.number])
        facts.append([say("Date of issue"), say.day(issue.issued)])
    if bill.cancels is not None:
        facts.append([say("Of invoice"), bill.cancels.number])
        facts.append([say("Issued on"), say.day(bill.cancels.issued)])
    if bill.replaced:
        facts.append([say("Replaces invoice"), bill.replaced])
    facts.append([say("Account"), bill.account])
    starts = {supply.day_start for supply in bill.supplies}
    first, last = _ends(bill.days, starts.pop() if len(starts) == 1 else MIDNIGHT, say)
    if all(supply.settles for supply in bill.supplies):
        facts.append([say("Final settlement"), say("after {day}", day=last)])
    else:
        dash = "–"  # noqa: RUF001 - a typographic dash
        facts.append([say("Billing period"), f"{first} {dash} {last}"])
        facts.append([say("Days"), str(bill.days.count)])
    if issue and bill.amounts.due > 0:
        facts.append([say("Payment due"), say.day(issue.due)])
    return facts


def _issued_notes(issue: IssueFacts | None, say: Wording) -> list[str]:
    if issue is None:
        return []
    head = say("Head of the audit log on {day}: {head}", day=issue.issued, head=issue.audit_head)
    return [note for note in (issue.footer_text, head if issue.audit_head else "") if note]


def _due_note(bill: Bill, issue: IssueFacts | None, say: Wording) -> str:
    if bill.holds:
        return "This bill is held; it is not payable."
    if issue is None:
        return "Not yet issued."
    if bill.cancels is not None:
        text = "Cancels the charges below, which invoice {number} made."
        return say(text, number=bill.cancels.number)
    if bill.amounts.due <= 0:
        return say("Nothing is to be paid.")
    text = "Please pay by {day}, quoting {number}."
    return say(text, day=say.day(issue.due), number=issue.number)


def _chart_title(usage: DailyUsage, say: Wording) -> str:
    """What a chart shows, and of which service point where the bill has several."""
    title = say("Daily usage, {unit}", unit=usage.unit)
    return f"{title}: {usage.service_point}" if usage.service_point else title


def _supply(supply: SupplySummary, invoice: Invoice, say: Wording) -> dict[str, Any]:
    first, last = _ends(supply.days, supply.day_start, say)
    if supply.settles:
        days = say("settled after {day}", day=last)
    else:
        text = "{first} to {last} ({days} days)"
        days = say(text, first=first, last=last, days=supply.days.count)
    return {
        "title": supply.service_point,
        "subtitle": f"{supply.tariff} · {days}",
        "details": supply_details(supply, invoice, days, say),
        "reads": [_read(read, supply.zone, say) for read in supply.reads],
    }


def _ends(days: DayRange, at: time, say: Wording) -> tuple[str, str]:
    """First and last day; where days do not begin at midnight, the instants at both ends."""
    if at == MIDNIGHT:
        return say.day(days.first), say.day(days.last)
    return f"{say.day(days.first)} {at:%H:%M}", f"{say.day(days.end)} {at:%H:%M}"


def _read(read: MeterRead, zone: str, say: Wording) -> dict[str, Any]:
    return {
        "serial": read.serial,
        "register": read.register,
        "opening": "" if read.opening is None else say.shown(read.opening),
        "opened": say.instant(read.opened, zone),
        "closing": "" if read.closing is None else say.shown(read.closing),
        "closed": say.instant(read.closed, zone),
        "multiplier": say.number(read.multiplier),
        "usage": say.shown(read.usage),
        "unit": read.unit,
        "estimated": read.estimated,
    }


def _adjusting(line: RatedLine, adjusts: AdjustedLine, say: Wording) -> tuple[str, str]:
    """What a line adjusts, and from what to what, in the language of the document."""
    old, new = say.money(adjusts.old_amount), say.money(adjusts.new_amount)
    if adjusts.old_quantity is not None and line.kind != "tax":
        old = f"{say.shown(adjusts.old_quantity)} {line.unit}: {old}"
    if adjusts.new_quantity is not None and line.kind != "tax":
        new = f"{say.shown(adjusts.new_quantity)} {line.unit}: {new}"
    charged = line.name.split(": ", 1)[-1]
    title = say("Adjustment of {number}: {charged}", number=adjusts.bill, charged=charged)
    return title, say("was {old}, is {new}", old=old, new=new)


def _line(entry: BillLine, invoice: Invoice, say: Wording) -> dict[str, str]:
    line = entry.line
    name, note = line.name, line.note
    if line.adjusts is not None:
        name, note = _adjusting(line, line.adjusts, say)
    if line.label:
        name += f", {line.label.replace('_', ' ')}"
    if line.tier:
        name += f", {say('tier {number}', number=line.tier)}"
    bill = invoice.bill
    details = [entry.service_point] if len(bill.supplies) > 1 else []
    if line.segment or "/segment" in line.key or line.adjusts is not None:
        last = line.end - timedelta(days=1)
        text = "{first} to {last}"
        details.append(say(text, first=say.day(line.first), last=say.day(last)))
    percent = line.note == "percent" or line.kind == "tax"
    if note and note != "percent":
        details.append(note)
    quantity = "" if line.quantity is None else say.shown(line.quantity)
    price = "" if line.price is None else say.number(line.price, least=2)
    unit = line.unit if line.quantity in {None, Decimal(1)} else _UNITS.get(line.unit, line.unit)
    unit = say(unit) if line.unit in _UNITS else unit
    if percent and line.quantity is not None and line.price is not None:
        quantity, unit = say.money(line.quantity, invoice.digits), line.unit
        price = f"{say.number(line.price)} %"
    return {
        "name": name,
        "detail": " · ".join(details),
        "quantity": quantity,
        "unit": unit,
        "price": price,
        "per": f"{bill.currency}/{say(line.unit) if line.unit in _UNITS else line.unit}"
        if price and line.unit and not percent
        else "",
        "amount": say.money(line.amount, invoice.digits),
    }


def _totals(bill: Bill, digits: int, say: Wording) -> list[dict[str, Any]]:
    return [
        {"name": say(row.name), "amount": say.money(row.amount, digits), "strong": row.strong}
        for row in bill.amounts.rows
    ]


def _notes(bill: Bill, say: Wording) -> list[str]:
    notes = [f"Held: {hold.message}" for hold in bill.holds]
    if any(read.estimated for supply in bill.supplies for read in supply.reads):
        text = "Part of the usage was estimated; it is settled with the next actual read."
        notes.append(say(text))
    notes += bill.carried_texts
    if bill.cancels is not None:
        text = "Content of the invoice: SHA-256 {hash}"
        return [*notes, say(text, hash=bill.cancels.sha256)]
    zones = sorted({supply.zone for supply in bill.supplies})
    text = "Times of reads are local ({zones}). Usage is exact to the printed unit."
    return [*notes, say(text, zones=", ".join(zones))]
