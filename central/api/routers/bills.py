"""Bill runs, bills, their lines and what lies behind them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from central.api.background import background_of
from central.api.idempotency import DoOnce
from central.api.parameters import LIMIT, After, Bill, Limit, Paging, Services, ServicesAsOf
from central.api.schemas.base import Day, PageOut, When, page_out
from central.api.schemas.billing import (
    BillOut,
    ChainedBillOut,
    ExplanationOut,
    LineOut,
    NotBilledOut,
    RunIn,
    RunOut,
)
from central.domain.billing.cycle import Cycle
from central.service.billing.print_invoice import BillFile
from central.service.views.bill_filter import BillFilter
from central.service.views.lookup import require

router = APIRouter(tags=["bills"])
BillState = Annotated[
    Literal["draft", "held", "approved", "issued", "cancelled", "discarded"] | None,
    Query(description="Where they stand; `cancelled` is issued, with a credit note for all of it."),
]
LineNumber = Annotated[int, Path(ge=1, le=100_000)]


@router.get("/bill-runs")
async def list_runs(
    services: ServicesAsOf, after: After = None, limit: Limit = LIMIT
) -> PageOut[RunOut]:
    """List bill runs, newest first."""
    return page_out(await services.billing.runs(after=after, limit=limit), RunOut.model_validate)


@router.post(
    "/bill-runs",
    responses={HTTPStatus.CREATED.value: {"model": RunOut, "description": "It is under way."}},
    response_model=None,
)
async def start_run(services: Services, once: DoOnce, order: RunIn, request: Request) -> Response:
    """Bill all that is due until a period's end, oldest first; again, it tries held bills again.

    A run of one account is done when it is answered. Any other goes on: `state` of the run says
    when it is finished. People approve and issue its bills.
    """

    async def work() -> tuple[HTTPStatus, RunOut]:
        use_case = services.run_bills
        run = await use_case.start(
            Cycle.parse(order.cycle), once.actor, order.run_type, order.scope()
        )
        if order.account is not None:
            await use_case.work(run)
        else:
            background_of(request).begin(use_case.work(run))
        view = require(await services.billing.run(str(run.uid)), "bill run", run.uid)
        return HTTPStatus.CREATED, RunOut.model_validate(view)

    return await once(work, location=lambda run: f"/api/v1/bill-runs/{run['run']}")


@router.get("/bill-runs/{run}")
async def get_run(services: ServicesAsOf, run: str) -> RunOut:
    """Get one bill run."""
    return RunOut.model_validate(require(await services.billing.run(run), "bill run", run))


@router.get("/bill-runs/{run}/bills")
async def list_bills(
    services: ServicesAsOf,
    run: str,
    state: BillState = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[BillOut]:
    """List the bills of a run."""
    require(await services.billing.run(run), "bill run", run)
    page = await services.billing.bills(run=run, state=state, after=after, limit=limit)
    return page_out(page, BillOut.model_validate)


@router.get("/bill-runs/{run}/not-billed")
async def list_not_billed(
    services: ServicesAsOf,
    run: str,
    code: str | None = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[NotBilledOut]:
    """List the days that a run left out, and why."""
    require(await services.billing.run(run), "bill run", run)
    page = await services.billing.not_billed(run, code=code, after=after, limit=limit)
    return page_out(page, NotBilledOut.model_validate)


@router.get("/bills")
async def list_bills_of_period(  # noqa: PLR0913, PLR0917 - one filter each
    services: ServicesAsOf,
    account: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Number.")
    ] = None,
    cycle: Annotated[
        str | None, Query(max_length=64, description="Their period, such as 2026-10.")
    ] = None,
    state: BillState = None,
    issued_from: Annotated[Day | None, Query(description="First day of issue.")] = None,
    issued_until: Annotated[Day | None, Query(description="Day after the last.")] = None,
    updated_since: Annotated[
        When | None, Query(description="Made, approved or issued at this time or later.")
    ] = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[BillOut]:
    """List bills in the order in which they were made, with buyer, net, tax and what is due."""
    period = None if cycle is None else str(Cycle.parse(cycle))
    wanted = BillFilter(account, period, issued_from, issued_until, updated_since)
    page = await services.billing.bills(state=state, wanted=wanted, after=after, limit=limit)
    return page_out(page, BillOut.model_validate)


@router.get("/bills/{bill}")
async def get_bill(services: ServicesAsOf, bill: Bill) -> BillOut:
    """Get one bill."""
    return BillOut.model_validate(require(await services.billing.bill(bill), "bill", bill))


@router.get("/bills/{bill}/lines")
async def list_lines(services: ServicesAsOf, bill: Bill, page: Paging) -> PageOut[LineOut]:
    """List a bill's lines, in print order."""
    require(await services.billing.bill(bill), "bill", bill)
    lines = await services.billing.lines(bill)
    return page(lines, lambda line: (line.number,), LineOut.model_validate)


@router.get("/bills/{bill}/chain")
async def list_chain(services: Services, bill: Bill, page: Paging) -> PageOut[ChainedBillOut]:
    """List what a bill cancels or replaces, and what cancels or replaces it."""
    view = require(await services.billing.bill(bill), "bill", bill)
    chain = await services.cancellations.chain(UUID(view.bill))
    return page(chain, lambda link: (link.how, str(link.uid)), ChainedBillOut.model_validate)


@router.get("/bills/{bill}/lines/{number}/intervals")
async def explain_line(services: ServicesAsOf, bill: Bill, number: LineNumber) -> ExplanationOut:
    """Get the intervals behind a bill line, and sum them again."""
    return ExplanationOut.model_validate(await services.explain_line(bill, number))


@router.get("/bills/{bill}/invoice.pdf", response_class=Response)
async def get_invoice(services: Services, bill: Bill) -> Response:
    """Get the invoice of an issued bill as PDF."""
    return _pdf(await services.print_bill.invoice(bill))


@router.get("/bills/{bill}/draft.pdf", response_class=Response)
async def get_draft(services: Services, bill: Bill) -> Response:
    """Get a bill that is not issued as PDF, marked as a draft."""
    return _pdf(await services.print_bill.draft(bill))


def _pdf(file: BillFile) -> Response:
    return Response(file.content, media_type="application/pdf")
