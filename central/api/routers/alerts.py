"""What is used and what it costs so far, and alerts on it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce, shown_at
from central.api.parameters import LIMIT, After, Limit, Paging, Services, UpdatedSince
from central.api.schemas.alerts import (
    AlertOut,
    AlertRuleIn,
    AlertRuleOut,
    SoFarOut,
)
from central.api.schemas.base import PageOut, page_out
from central.domain.alerts.alert_rule import AlertSubject
from central.service.so_far.figures import SoFarBy, rows_of
from central.service.views.lookup import require
from central.service.views.paging import changed_since

router = APIRouter(tags=["alerts"])
Account = Annotated[
    str | None, Query(min_length=1, max_length=200, description="Number of the only account.")
]
By = Annotated[SoFarBy, Query(description="What a row is of.")]


@router.get("/accounts/{account}/so-far")
async def list_so_far(
    services: Services, account: str, page: Paging, by: By = SoFarBy.DAY
) -> PageOut[SoFarOut]:
    """List what an account used and what it costs so far, of days that no issued bill says."""
    today = services.clock().date()
    view = require(await services.billing.account(account, today), "account", account)
    figures = await services.so_far(AlertSubject.ACCOUNT, view.number)
    rows = [row for each in figures for row in rows_of(each, by)]
    return page(rows, lambda row: (str(row["from"]),), SoFarOut.model_validate)


@router.get("/alert-rules")
async def list_alert_rules(
    services: Services, page: Paging, updated_since: UpdatedSince = None
) -> PageOut[AlertRuleOut]:
    """List rules of alerts by name."""
    rows = changed_since(
        await services.so_far_store.rules(), updated_since, lambda row: (row.recorded_at,)
    )
    return page(
        rows,
        lambda row: (row.name,),
        lambda row: AlertRuleOut.model_validate(row.to_json()),
    )


@router.post(
    "/alert-rules",
    responses={HTTPStatus.CREATED.value: {"model": AlertRuleOut}},
    response_model=None,
)
async def set_alert_rule(services: Services, once: DoOnce, order: AlertRuleIn) -> Response:
    """Write a rule of alerts down, or another version of it."""

    async def work() -> tuple[HTTPStatus, AlertRuleOut]:
        _, new = await services.alerts.set_rule(
            order.rule, order.document(), once.actor, order.reason
        )
        status = HTTPStatus.CREATED if new else HTTPStatus.OK
        rules = await services.so_far_store.rules()
        written = next(row for row in rules if row.name == order.rule)
        return status, AlertRuleOut.model_validate(written.to_json())

    return await once(work, shown_at("alert-rules"))


@router.get("/alerts")
async def list_alerts(
    services: Services, account: Account = None, after: After = None, limit: Limit = LIMIT
) -> PageOut[AlertOut]:
    """List alerts, the newest first."""
    page = await services.so_far_store.alerts(after, limit, account)
    return page_out(page, lambda row: AlertOut.model_validate(row.to_json()))
