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
    TEXT_MAX,
    WIDTH_MAX,
    DocumentKind,
)
from central.domain.billing.document_template import TEMPLATES
from central.service.billing.change_settings import SettingsChange

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
        numbers=current.settings.series[DocumentKind.INVOICE],
        seller=seller,
        locales=LOCALES,
        templates=TEMPLATES,
    )


@router.post("/settings")
async def change(request: Request) -> Response:
    """Record a change."""
    form = await SentForm.of(request)
    changed = SettingsChange(
        series=form.text("series", "Series", 16),
        width=form.whole("width", "Digits", WIDTH_MAX),
        yearly=form.optional("yearly", "Numbers") == "yes",
        due_days=form.whole("due_days", "Days to pay", DUE_DAYS_MAX),
        zone=form.optional("zone", "Time zone"),
        locale=form.text("locale", "Language"),
        payment_text=form.optional("payment_text", "Payment text", TEXT_MAX),
        footer_text=form.optional("footer_text", "Footer text", TEXT_MAX),
        template=form.text("template", "Template"),
        window_days=form.whole("window_days", "Days until an estimate", WINDOW_DAYS_MAX),
        estimates_in_a_row=form.whole(
            "estimates_in_a_row", "Estimated bills in a row", IN_A_ROW_MAX
        ),
    )
    use_case = pages_of(request).services.settings
    reason = form.text("reason", "Reason")
    effective = form.optional_day("effective", "From day of issue")
    await use_case(changed, request.state.actor, reason, effective)
    return back_to("/settings")


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
