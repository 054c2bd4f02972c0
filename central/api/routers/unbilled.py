"""What days that no issued bill says come to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from central.api.parameters import LIMIT, After, Limit, Paging, ServicesAsOf
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.unbilled import AccountUnbilledOut, ChargeUnbilledOut, DayUnbilledOut
from central.service.views.lookup import require

router = APIRouter(tags=["bills"])
Account = Annotated[
    str | None, Query(min_length=1, max_length=200, description="Number of the only account.")
]


@router.get("/unbilled")
async def list_unbilled(
    services: ServicesAsOf, account: Account = None, after: After = None, limit: Limit = LIMIT
) -> PageOut[AccountUnbilledOut]:
    """List what accounts are not billed yet, by account number and service point."""
    page = await services.unbilled_store.accounts(after, limit, account)
    return page_out(page, AccountUnbilledOut.model_validate)


@router.get("/unbilled/charges")
async def list_unbilled_charges(services: ServicesAsOf, page: Paging) -> PageOut[ChargeUnbilledOut]:
    """Sum what is not billed yet over all accounts, by currency and charge."""
    rows = await services.unbilled_store.charges()
    return page(rows, lambda row: (row.currency, row.charge), ChargeUnbilledOut.model_validate)


@router.get("/accounts/{account}/unbilled")
async def list_unbilled_days(
    services: ServicesAsOf, account: str, after: After = None, limit: Limit = LIMIT
) -> PageOut[DayUnbilledOut]:
    """List what each day of an account comes to, by charge."""
    today = services.clock().date()
    view = require(await services.billing.account(account, today), "account", account)
    page = await services.unbilled_store.days(view.number, after, limit)
    return page_out(page, DayUnbilledOut.model_validate)
