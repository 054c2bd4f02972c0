"""Gateways and findings."""

from __future__ import annotations

from fastapi import APIRouter

from central.api.parameters import LIMIT, After, Attention, Limit, Search, Services, ServicesAsOf
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.field import FindingOut, GatewayOut
from central.service.views.lookup import require

router = APIRouter(tags=["gateways"])


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


@router.get("/findings")
async def list_findings(
    services: ServicesAsOf,
    gateway: str | None = None,
    meter: str | None = None,
    limit: Limit = LIMIT,
) -> list[FindingOut]:
    """List open findings, newest first."""
    findings = await services.field.findings(gateway=gateway, meter=meter, limit=limit)
    return [FindingOut.model_validate(finding) for finding in findings]
