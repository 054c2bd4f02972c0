"""What invoices say beside their bills, as XML and to the tax agency, and their way to accounts."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import LIMIT, After, Bill, Limit, Paging, Services
from central.api.routers.commands import Responses
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.invoicing import (
    AccountInvoicingIn,
    AccountInvoicingOut,
    AgainIn,
    FiscalRecordOut,
    InvoiceDeliveryOut,
    PointInvoicingIn,
    PointInvoicingOut,
    SellerInvoicingIn,
    SellerInvoicingOut,
    members_of,
)
from central.domain.billing.invoicing import TermsOf
from central.domain.einvoice.form import EInvoiceForm
from central.service.billing.find_bill import find_uid
from central.service.operator.services import OperatorServices
from central.service.ports.invoicing import InvoiceDeliveryState
from central.service.views.lookup import require

router = APIRouter(tags=["invoices"])
XML = "application/xml"
_XML: Responses = {HTTPStatus.OK.value: {"content": {XML: {"schema": {"type": "string"}}}}}
_CREATED: Responses = {
    HTTPStatus.CREATED.value: {"model": InvoiceDeliveryOut, "description": "It is on its way."}
}
Form = Annotated[EInvoiceForm, Query(alias="format", description="In which it is written.")]
State = Annotated[InvoiceDeliveryState | None, Query(description="Where they stand.")]
OfBill = Annotated[str | None, Query(max_length=200, description="Identifier or legal number.")]


@router.get("/bills/{bill}/invoice.xml", responses=_XML, response_class=Response)
async def get_einvoice(services: Services, bill: Bill, form: Form = EInvoiceForm.UBL) -> Response:
    """Get an issued bill or credit note as a structured invoice."""
    file = await services.write_einvoice(bill, form)
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, media_type=XML, headers=headers)


@router.get("/bills/{bill}/fiscal-records")
async def list_fiscal_records(
    services: Services, bill: Bill, page: Paging
) -> PageOut[FiscalRecordOut]:
    """List the records of an issued bill in the fiscal register, with the address of its code."""
    view = require(await services.billing.bill(bill), "bill", bill)
    entries = await services.fiscal_store.of_number(view.number or "")
    return page(entries, lambda entry: (entry.chained.ordinal,), FiscalRecordOut.of)


async def _terms(services: OperatorServices, kind: TermsOf, name: str) -> dict[str, Any]:
    version = await services.invoicing_store.terms(kind, name)
    return members_of(require(version, f"invoicing of the {kind}", name))


async def _set(
    services: OperatorServices,
    once: DoOnce,
    of: tuple[TermsOf, str],
    order: SellerInvoicingIn | AccountInvoicingIn | PointInvoicingIn,
    shown: type[SellerInvoicingOut | AccountInvoicingOut | PointInvoicingOut],
) -> Response:
    async def work() -> tuple[HTTPStatus, BaseModel]:
        version = await services.set_invoicing(*of, order.changes(), once.actor, order.reason)
        return HTTPStatus.OK, shown.model_validate(members_of(version))

    return await once(work)


@router.get("/invoicing/seller")
async def get_seller_invoicing(services: Services) -> SellerInvoicingOut:
    """Get what invoices say of the seller beside name and address."""
    return SellerInvoicingOut.model_validate(await _terms(services, TermsOf.SELLER, ""))


@router.put(
    "/invoicing/seller",
    responses={HTTPStatus.OK.value: {"model": SellerInvoicingOut}},
    response_model=None,
)
async def set_seller_invoicing(
    services: Services, once: DoOnce, order: SellerInvoicingIn
) -> Response:
    """Say of the seller what invoices print; what is left out stays as it is."""
    return await _set(services, once, (TermsOf.SELLER, ""), order, SellerInvoicingOut)


@router.get("/accounts/{account}/invoicing")
async def get_account_invoicing(services: Services, account: str) -> AccountInvoicingOut:
    """Get what invoices say of an account's buyer, and how they get there."""
    return AccountInvoicingOut.model_validate(await _terms(services, TermsOf.ACCOUNT, account))


@router.put(
    "/accounts/{account}/invoicing",
    responses={HTTPStatus.OK.value: {"model": AccountInvoicingOut}},
    response_model=None,
)
async def set_account_invoicing(
    services: Services, once: DoOnce, account: str, order: AccountInvoicingIn
) -> Response:
    """Say of an account what its invoices print, and how they get there."""
    return await _set(services, once, (TermsOf.ACCOUNT, account), order, AccountInvoicingOut)


@router.get("/service-points/{point}/invoicing")
async def get_point_invoicing(services: Services, point: str) -> PointInvoicingOut:
    """Get how the network calls a service point."""
    return PointInvoicingOut.model_validate(await _terms(services, TermsOf.POINT, point))


@router.put(
    "/service-points/{point}/invoicing",
    responses={HTTPStatus.OK.value: {"model": PointInvoicingOut}},
    response_model=None,
)
async def set_point_invoicing(
    services: Services, once: DoOnce, point: str, order: PointInvoicingIn
) -> Response:
    """Say how the network calls a service point."""
    return await _set(services, once, (TermsOf.POINT, point), order, PointInvoicingOut)


@router.get("/invoice-deliveries")
async def list_invoice_deliveries(
    services: Services,
    state: State = None,
    bill: OfBill = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[InvoiceDeliveryOut]:
    """List documents on their way to accounts, the newest first."""
    uid = None if bill is None else require(await find_uid(services.bills, bill), "bill", bill)
    page = await services.set_invoicing.deliveries(after, limit, state, uid)
    return page_out(page, InvoiceDeliveryOut.of)


@router.get("/invoice-deliveries/{delivery}")
async def get_invoice_delivery(services: Services, delivery: UUID) -> InvoiceDeliveryOut:
    """Get a document on its way."""
    row = await services.invoicing_store.delivery(delivery)
    return InvoiceDeliveryOut.of(require(row, "delivery", str(delivery)))


@router.post("/bills/{bill}/deliveries", responses=_CREATED, response_model=None)
async def deliver_invoice(services: Services, once: DoOnce, bill: Bill, order: AgainIn) -> Response:
    """Deliver the document of a bill once more, as its account's invoicing says now."""

    async def work() -> tuple[HTTPStatus, InvoiceDeliveryOut]:
        view = require(await services.billing.bill(bill), "bill", bill)
        uid = await services.set_invoicing.again(UUID(view.bill), once.actor, order.reason)
        row = require(await services.invoicing_store.delivery(uid), "delivery", str(uid))
        return HTTPStatus.CREATED, InvoiceDeliveryOut.of(row)

    return await once(work, lambda row: f"/api/v1/invoice-deliveries/{row['delivery']}")


@router.post(
    "/invoice-deliveries/{delivery}/bounce",
    responses={HTTPStatus.OK.value: {"model": InvoiceDeliveryOut}},
    response_model=None,
)
async def note_bounce(services: Services, once: DoOnce, delivery: UUID, order: AgainIn) -> Response:
    """Note that a mail came back."""

    async def work() -> tuple[HTTPStatus, InvoiceDeliveryOut]:
        await services.set_invoicing.bounced(delivery, once.actor, order.reason)
        row = require(await services.invoicing_store.delivery(delivery), "delivery", delivery)
        return HTTPStatus.OK, InvoiceDeliveryOut.of(row)

    return await once(work)
