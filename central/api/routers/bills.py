"""Bill runs, bills, their lines and what lies behind them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from central.api.parameters import LIMIT, After, Bill, Limit, Services, ServicesAsOf
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.billing import (
    BillOut,
    ChainedBillOut,
    ExplanationOut,
    LineOut,
    NotBilledOut,
    RunOut,
)
from central.domain.billing.cycle import Cycle
from central.service.billing.print_invoice import BillFile
from central.service.views.lookup import require

router = APIRouter(tags=["bills"])
LineNumber = Annotated[int, Path(ge=1, le=100_000)]


@router.get("/bill-runs")
async def list_runs(
    services: ServicesAsOf, after: After = None, limit: Limit = LIMIT
) -> PageOut[RunOut]:
    """List bill runs, newest first."""
    return page_out(await services.billing.runs(after=after, limit=limit), RunOut.model_validate)


@router.get("/bill-runs/{run}")
async def get_run(services: ServicesAsOf, run: str) -> RunOut:
    """Get one bill run."""
    return RunOut.model_validate(require(await services.billing.run(run), "bill run", run))


@router.get("/bill-runs/{run}/bills")
async def list_bills(
    services: ServicesAsOf,
    run: str,
    state: str | None = None,
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
async def list_bills_of_period(
    services: ServicesAsOf,
    account: Annotated[str, Query(max_length=200, description="Number of the account.")],
    cycle: Annotated[str, Query(max_length=64, description="Its period, such as 2026-10.")],
) -> list[BillOut]:
    """List the bills of an account and period, oldest first: one, or a regular and a final one."""
    bills = await services.bills.of_period(account, str(Cycle.parse(cycle)))
    views = [await services.billing.bill(str(bill.uid)) for bill in bills]
    return [BillOut.model_validate(view) for view in views if view is not None]


@router.get("/bills/{bill}")
async def get_bill(services: ServicesAsOf, bill: Bill) -> BillOut:
    """Get one bill."""
    return BillOut.model_validate(require(await services.billing.bill(bill), "bill", bill))


@router.get("/bills/{bill}/lines")
async def list_lines(services: ServicesAsOf, bill: Bill) -> list[LineOut]:
    """List a bill's lines, in print order."""
    require(await services.billing.bill(bill), "bill", bill)
    return [LineOut.model_validate(line) for line in await services.billing.lines(bill)]


@router.get("/bills/{bill}/chain")
async def list_chain(services: Services, bill: Bill) -> list[ChainedBillOut]:
    """List what a bill cancels or replaces, and what cancels or replaces it."""
    view = require(await services.billing.bill(bill), "bill", bill)
    chain = await services.cancellations.chain(UUID(view.bill))
    return [ChainedBillOut.model_validate(link) for link in chain]


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
