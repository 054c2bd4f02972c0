"""Lookup tables that tariffs name, kept outside of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import Paging, Services, ServicesAsOf, UpdatedSince
from central.api.schemas.base import Day, PageOut
from central.api.schemas.tables import KeptTableOut, TableIn, TableOut
from central.api.schemas.writes import WithdrawIn
from central.domain.tariff.load.document import load_table
from central.service.registry.lookup_tables import KeptTable, keep_table, withdraw_table
from central.service.views.lookup import require_any
from central.service.views.paging import changed_since

router = APIRouter(tags=["orders"])
_KEPT: dict[int | str, dict[str, Any]] = {HTTPStatus.OK.value: {"model": KeptTableOut}}
Name = Annotated[str | None, Query(min_length=1, max_length=127, description="Of the table.")]


@router.get("/tables")
async def list_tables(
    services: ServicesAsOf, page: Paging, name: Name = None, updated_since: UpdatedSince = None
) -> PageOut[TableOut]:
    """List lookup tables by name, date by date with their revisions."""
    async with services.series.transaction() as work:
        history = await work.table_history(name)
    require_any(history, "table", name, "GET /tables shows all.")
    return page(
        changed_since(history, updated_since, lambda entry: (entry.recorded_at,)),
        lambda entry: (
            entry.version.table,
            entry.version.since.isoformat(),
            entry.version.revision,
        ),
        TableOut.of,
    )


@router.post("/tables", responses=_KEPT, response_model=None)
async def add_table(services: Services, once: DoOnce, order: TableIn) -> Response:
    """Add the dates of a lookup table, or correct them with a reason.

    The answer to a refused document lists every fault.
    """
    table = load_table(order.document)

    async def work() -> tuple[HTTPStatus, KeptTableOut]:
        done = await keep_table(
            services.series, table, once.actor, reason=order.reason, clock=services.clock
        )
        return HTTPStatus.OK, KeptTableOut.of(table.name, done)

    return await once(work)


@router.post("/tables/{name}/{since}/withdraw", responses=_KEPT, response_model=None)
async def withdraw(
    services: Services, once: DoOnce, name: str, since: Day, order: WithdrawIn
) -> Response:
    """Withdraw a date of a table that was entered by mistake; the numbers before it hold on."""

    async def work() -> tuple[HTTPStatus, KeptTableOut]:
        concerned = await withdraw_table(
            services.series, name, since, once.actor, order.reason, clock=services.clock
        )
        return HTTPStatus.OK, KeptTableOut.of(name, KeptTable(concerned=concerned))

    return await once(work)
