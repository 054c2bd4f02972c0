"""Money of accounts: posted once, consumed by one bill."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import LIMIT, After, Limit, Paging, Services, ServicesAsOf
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.ledger import DrawdownOut, EntryIn, EntryOut
from central.service.billing.trace_money import TraceMoney
from central.service.views.lookup import require
from central.service.views.paging import decode_cursor, paged

router = APIRouter(tags=["bills"])
_ENTRY: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK.value: {"model": EntryOut, "description": "It was posted before."},
    HTTPStatus.CREATED.value: {"model": EntryOut, "description": "It was posted."},
}
Account = Annotated[str | None, Query(min_length=1, max_length=200, description="Number.")]


@router.post("/ledger", responses=_ENTRY, response_model=None)
async def post_entry(services: Services, once: DoOnce, order: EntryIn) -> Response:
    """Post a pay-in, grant, payment, refund, expiry, charge or credit; with the same key once."""

    async def work() -> tuple[HTTPStatus, EntryOut]:
        new = await services.account_ledger.post(order.entry(), once.actor, order.reason)
        entry = require(await services.account_ledger.show(order.key), "entry", order.key)
        status = HTTPStatus.CREATED if new else HTTPStatus.OK
        return status, EntryOut.model_validate(entry.to_json())

    return await once(work, lambda entry: f"/api/v1/ledger/{quote(entry['key'], safe='')}")


@router.get("/ledger")
async def list_entries(
    services: ServicesAsOf, account: Account = None, after: After = None, limit: Limit = LIMIT
) -> PageOut[EntryOut]:
    """List entries in the order in which they were posted."""
    key = decode_cursor(after, (int,))
    rows = await services.account_ledger.listed(account, int(key[0]) if key else 0, limit + 1)
    page = paged(rows, limit, lambda row: (row.id,))
    return page_out(page, lambda row: EntryOut.model_validate(row.to_json()))


@router.get("/ledger/{key:path}")
async def get_entry(services: ServicesAsOf, key: str) -> EntryOut:
    """Get an entry with the bill that has consumed it."""
    entry = require(await services.account_ledger.show(key), "entry", key)
    return EntryOut.model_validate(entry.to_json())


@router.get("/accounts/{account}/drawdowns")
async def list_drawdowns(
    services: ServicesAsOf,
    account: str,
    entry: Annotated[str | None, Query(min_length=1, max_length=200, description="Key.")] = None,
    bill: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Identifier or legal number.")
    ] = None,
    *,
    page: Paging,
) -> PageOut[DrawdownOut]:
    """List which money of an account paid what: from entry to bill, and from bill to entry."""
    traced = await TraceMoney(services.drawdowns)(account, entry, bill)
    return page(
        traced,
        lambda row: (row.billed.end.isoformat(), row.drawdown.part_id),
        lambda row: DrawdownOut.model_validate(row.to_json()),
    )
