"""Notices: where they go, by which rules, and what became of each."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce, shown_at
from central.api.parameters import LIMIT, After, Limit, Paging, Services, UpdatedSince
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.notices import (
    DeliveryLogOut,
    DeliveryOut,
    ExchangeSecretIn,
    NoticeEndpointIn,
    NoticeEndpointOut,
    NoticeEndpointSetOut,
    NoticeRuleIn,
    NoticeRuleOut,
    NoticeSecretOut,
    ResendIn,
)
from central.service.ports.notices import DeliveryState
from central.service.views.paging import changed_since

router = APIRouter(tags=["notices"])
Endpoint = Annotated[str | None, Query(min_length=1, max_length=40, description="Name.")]
State = Annotated[DeliveryState | None, Query(description="Where they stand.")]


def _made(model: type, status: HTTPStatus = HTTPStatus.CREATED) -> dict[int | str, dict[str, Any]]:
    return {status.value: {"model": model}}


def _delivery(answer: dict[str, Any]) -> str:
    return f"/api/v1/notice-deliveries/{answer['delivery']}"


@router.get("/notice-endpoints")
async def list_notice_endpoints(
    services: Services, page: Paging, updated_since: UpdatedSince = None
) -> PageOut[NoticeEndpointOut]:
    """List endpoints by name; no secret is shown."""
    rows = await services.notices.store.endpoints(services.clock())
    return page(
        changed_since(rows, updated_since, lambda row: (row.recorded_at,)),
        lambda row: (row.name,),
        lambda row: NoticeEndpointOut.model_validate(row.to_json()),
    )


@router.post("/notice-endpoints", responses=_made(NoticeEndpointSetOut), response_model=None)
async def set_notice_endpoint(
    services: Services, once: DoOnce, order: NoticeEndpointIn
) -> Response:
    """Write an endpoint down, or another version of it."""

    async def work() -> tuple[HTTPStatus, NoticeEndpointSetOut]:
        _, secret = await services.notices.set_endpoint(
            order.endpoint, order.document(), once.actor, order.reason
        )
        endpoints = await services.notices.store.endpoints(services.clock())
        written = next(row for row in endpoints if row.name == order.endpoint)
        answer = NoticeEndpointSetOut.model_validate({**written.to_json(), "secret": secret})
        return HTTPStatus.CREATED, answer

    return await once(work, shown_at("notice-endpoints"))


@router.post(
    "/notice-endpoints/{endpoint}/secrets", responses=_made(NoticeSecretOut), response_model=None
)
async def exchange_notice_secret(
    services: Services, once: DoOnce, endpoint: str, order: ExchangeSecretIn
) -> Response:
    """Give a webhook another secret; the old ones sign beside it for a while."""

    async def work() -> tuple[HTTPStatus, NoticeSecretOut]:
        beside = timedelta(hours=order.beside_hours)
        secret = await services.notices.exchange_secret(endpoint, once.actor, order.reason, beside)
        return HTTPStatus.CREATED, NoticeSecretOut(endpoint=endpoint, secret=secret)

    return await once(work, shown_at("notice-endpoints"))


@router.post("/notice-endpoints/{endpoint}/test", responses=_made(DeliveryOut), response_model=None)
async def try_notice_endpoint(services: Services, once: DoOnce, endpoint: str) -> Response:
    """Send a notice that says nothing but that the endpoint is tried."""

    async def work() -> tuple[HTTPStatus, DeliveryOut]:
        uid = await services.notices.test(endpoint, once.actor)
        row = await services.notices.delivery(uid)
        return HTTPStatus.CREATED, DeliveryOut.model_validate(row.to_json())

    return await once(work, _delivery)


@router.get("/notice-rules")
async def list_notice_rules(
    services: Services, page: Paging, updated_since: UpdatedSince = None
) -> PageOut[NoticeRuleOut]:
    """List rules by name."""
    rows = await services.notices.store.rules()
    return page(
        changed_since(rows, updated_since, lambda row: (row.recorded_at,)),
        lambda row: (row.name,),
        lambda row: NoticeRuleOut.model_validate(row.to_json()),
    )


@router.post("/notice-rules", responses=_made(NoticeRuleOut), response_model=None)
async def set_notice_rule(services: Services, once: DoOnce, order: NoticeRuleIn) -> Response:
    """Write a rule down, or another version of it."""

    async def work() -> tuple[HTTPStatus, NoticeRuleOut]:
        _, new = await services.notices.set_rule(
            order.rule, order.document(), once.actor, order.reason
        )
        status = HTTPStatus.CREATED if new else HTTPStatus.OK
        rules = await services.notices.store.rules()
        written = next(row for row in rules if row.name == order.rule)
        return status, NoticeRuleOut.model_validate(written.to_json())

    return await once(work, shown_at("notice-rules"))


@router.get("/notice-deliveries")
async def list_notice_deliveries(
    services: Services,
    state: State = None,
    endpoint: Endpoint = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[DeliveryOut]:
    """List deliveries, the newest first."""
    page = await services.notices.store.deliveries(after, limit, state, endpoint)
    return page_out(page, lambda row: DeliveryOut.model_validate(row.to_json()))


@router.get("/notice-deliveries/{delivery}")
async def get_notice_delivery(services: Services, delivery: UUID) -> DeliveryLogOut:
    """Get a delivery: what it says, and every attempt."""
    row = await services.notices.delivery(delivery)
    return DeliveryLogOut.model_validate(row.with_log_json())


@router.post(
    "/notice-deliveries/{delivery}/resend", responses=_made(DeliveryOut), response_model=None
)
async def resend_notice(
    services: Services, once: DoOnce, delivery: UUID, order: ResendIn
) -> Response:
    """Send a notice to its endpoint once more, under its identifier."""

    async def work() -> tuple[HTTPStatus, DeliveryOut]:
        uid = await services.notices.resend(delivery, once.actor, order.reason)
        row = await services.notices.delivery(uid)
        return HTTPStatus.CREATED, DeliveryOut.model_validate(row.to_json())

    return await once(work, _delivery)
