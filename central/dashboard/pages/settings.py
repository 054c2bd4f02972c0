"""What the utility says of its invoices, and who charges."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.page import ROWS, back_to, pages_of
from central.domain.billing.bill import Party
from central.domain.billing.bill_window import IN_A_ROW_MAX, WINDOW_DAYS_MAX
from central.domain.billing.billing_settings import (
    DUE_DAYS_MAX,
    LOCALES,
    RETENTION_MAX,
    TEXT_MAX,
    WIDTH_MAX,
    DocumentKind,
)
from central.domain.billing.document_template import TEMPLATES
from central.domain.billing.invoice_xml import InvoiceXml
from central.domain.billing.negative_total import NegativeTotal
from central.service.billing.change_settings import SettingsChange
from central.service.billing.setting_list import LABEL

router = APIRouter(include_in_schema=False)
ADDRESS_LINES_MAX = 8


@router.get("/settings")
async def settings(request: Request) -> Response:
    """The settings in force, who charges, and what was recorded before."""
    pages = pages_of(request)
    services = pages.services
    revisions = await services.settings.revisions()
    current = await services.settings.current()
    async with services.registry.transaction() as registry:
        seller = await registry.seller()
    return pages.render(
        request,
        "settings.html",
        revisions=revisions[: -ROWS - 1 : -1],
        count=len(revisions),
        current=current,
        numbers=current.settings.numbers_of(DocumentKind.INVOICE),
        credit_notes=current.settings.numbers_of(DocumentKind.CREDIT_NOTE),
        seller=seller,
        locales=LOCALES,
        templates=TEMPLATES,
        label=LABEL,
        negative_totals=list(NegativeTotal),
        einvoices=list(InvoiceXml),
    )


@router.post("/settings")
async def change(request: Request) -> Response:
    """Record a change."""
    form = await SentForm.of(request)
    use_case = pages_of(request).services.settings
    reason = form.text("reason", "Reason")
    effective = form.optional_day("effective", "From day of issue")
    await use_case(sent_change(form), request.state.actor, reason, effective)
    return back_to("/settings")


def sent_change(form: SentForm) -> SettingsChange:
    """What the form says of every setting; an empty one of years leaves them as they are.

    Raises:
        FieldRefusedError: A field is not what belongs there.
    """
    return SettingsChange(
        series=form.text("series", LABEL["series"], 16),
        credit_series=form.optional("credit_series", LABEL["credit_series"], 16) or None,
        width=form.whole("width", LABEL["width"], WIDTH_MAX),
        yearly=form.optional("yearly", LABEL["yearly"]) == "yes",
        due_days=form.whole("due_days", LABEL["due_days"], DUE_DAYS_MAX),
        zone=form.optional("zone", LABEL["zone"]),
        locale=form.text("locale", LABEL["locale"]),
        payment_text=form.optional("payment_text", LABEL["payment_text"], TEXT_MAX),
        footer_text=form.optional("footer_text", LABEL["footer_text"], TEXT_MAX),
        template=form.text("template", LABEL["template"]),
        window_days=form.whole("window_days", LABEL["window_days"], WINDOW_DAYS_MAX),
        estimates_in_a_row=form.whole(
            "estimates_in_a_row", LABEL["estimates_in_a_row"], IN_A_ROW_MAX
        ),
        retention_years=form.optional_whole(
            "retention_years", LABEL["retention_years"], RETENTION_MAX
        ),
        print_audit_head=form.optional("print_audit_head", LABEL["print_audit_head"]) == "yes",
        negative_total=form.text("negative_total", LABEL["negative_total"]),
        einvoice=form.text("einvoice", LABEL["einvoice"]),
        offered_tariffs=form.optional("offered_tariffs", LABEL["offered_tariffs"], TEXT_MAX),
    )


@router.post("/settings/seller")
async def replace_seller(request: Request) -> Response:
    """Say who charges."""
    form = await SentForm.of(request)
    written = form.lines("address", "Address")
    if len(written) > ADDRESS_LINES_MAX:
        message = f"Address has {len(written)} lines; it may have {ADDRESS_LINES_MAX}."
        raise FieldRefusedError(message, value=len(written))
    party = Party(
        form.text("name", "Name", 200),
        written,
        form.optional("tax_id", "Tax number"),
        form.optional("contact", "Contact"),
    )
    enrol = pages_of(request).services.enrol(request.state.actor)
    await enrol.seller(party, form.text("reason", "Reason"))
    return back_to("/settings")
