"""Gateways and findings."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import (
    LIMIT,
    After,
    Attention,
    Limit,
    Search,
    Services,
    ServicesAsOf,
    UpdatedSince,
)
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.field import FindingOut, GatewayIn, GatewayOut
from central.api.schemas.readings import ReadingsIn, ReadingsOut
from central.api.schemas.writes import WithdrawIn
from central.service.gateways.enrolment import enrol_gateway, revoke_gateway
from central.service.ingest.import_readings import store_readings
from central.service.views.lookup import require

router = APIRouter(tags=["gateways"])
_GATEWAY: dict[int | str, dict[str, Any]] = {HTTPStatus.OK.value: {"model": GatewayOut}}


@router.get("/gateways")
async def list_gateways(
    services: Services,
    search: Search = "",
    attention: Attention = False,  # noqa: FBT002 - a query parameter is named by its caller
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[GatewayOut]:
    """List gateways by name."""
    now = services.clock()
    page = await services.field.gateways(
        now=now, search=search, attention=attention, after=after, limit=limit
    )
    return page_out(page, lambda view: GatewayOut.of(view, now))


@router.get("/gateways/{gateway}")
async def get_gateway(services: Services, gateway: str) -> GatewayOut:
    """Get one gateway."""
    view = require(await services.field.gateway(gateway), "gateway", gateway)
    return GatewayOut.of(view, services.clock())


@router.post(
    "/gateways",
    responses={HTTPStatus.CREATED.value: {"model": GatewayOut, "description": "It may send."}},
    response_model=None,
)
async def enrol(services: Services, once: DoOnce, order: GatewayIn) -> Response:
    """Let a gateway send; one that was revoked is taken back."""

    async def work() -> tuple[HTTPStatus, GatewayOut]:
        store, clock = services.gateway_store, services.clock
        await enrol_gateway(store, order.gateway, once.actor, clock, reason=order.reason or "")
        view = require(await services.field.gateway(order.gateway), "gateway", order.gateway)
        return HTTPStatus.CREATED, GatewayOut.of(view, clock())

    return await once(work, location=lambda made: f"/api/v1/gateways/{made['gateway']}")


@router.post("/gateways/{gateway}/revoke", responses=_GATEWAY, response_model=None)
async def revoke(services: Services, once: DoOnce, gateway: str, order: WithdrawIn) -> Response:
    """Refuse everything that a gateway sends from now on."""

    async def work() -> tuple[HTTPStatus, GatewayOut]:
        await revoke_gateway(
            services.gateway_store, gateway, once.actor, services.clock, reason=order.reason
        )
        view = require(await services.field.gateway(gateway), "gateway", gateway)
        return HTTPStatus.OK, GatewayOut.of(view, services.clock())

    return await once(work)


@router.post(
    "/readings",
    responses={HTTPStatus.OK.value: {"model": ReadingsOut}},
    response_model=None,
)
async def send_readings(services: Services, once: DoOnce, order: ReadingsIn) -> Response:
    """Store up to 900 register readings under a gateway's name; the same again count once."""
    rows = order.rows()

    async def work() -> tuple[HTTPStatus, ReadingsOut]:
        require(await services.field.gateway(order.gateway), "gateway", order.gateway)
        done = await store_readings(
            services.ingest, order.gateway, iter(rows), order.digest(), once.actor, services.clock
        )
        return HTTPStatus.OK, ReadingsOut.of(done)

    return await once(work)


@router.get("/findings")
async def list_findings(  # noqa: PLR0913, PLR0917 - one filter each
    services: ServicesAsOf,
    gateway: str | None = None,
    meter: str | None = None,
    updated_since: UpdatedSince = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[FindingOut]:
    """List open findings, newest first; of a gateway or meter those first that hold a bill."""
    page = await services.field.findings(
        gateway=gateway, meter=meter, after=after, since=updated_since, limit=limit
    )
    return page_out(page, FindingOut.model_validate)
