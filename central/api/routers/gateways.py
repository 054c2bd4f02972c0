"""Gateways and findings."""

from __future__ import annotations

from fastapi import APIRouter

from central.api.parameters import LIMIT, After, AtDesk, Attention, Limit, Search
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.field import FindingOut, GatewayOut
from central.service.views.lookup import found

router = APIRouter(tags=["gateways"])


@router.get("/gateways")
async def list_gateways(
    desk: AtDesk,
    search: Search = "",
    attention: Attention = False,  # noqa: FBT002 - a query parameter is named by its caller
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[GatewayOut]:
    """Gateways by name."""
    now = desk.clock()
    page = await desk.field.gateways(
        now=now, search=search, attention=attention, after=after, limit=limit
    )
    return page_out(page, lambda view: GatewayOut.of(view, now))


@router.get("/gateways/{gateway}")
async def get_gateway(desk: AtDesk, gateway: str) -> GatewayOut:
    """One gateway."""
    view = found(await desk.field.gateway(gateway), "gateway", gateway)
    return GatewayOut.of(view, desk.clock())


@router.get("/findings")
async def list_findings(
    desk: AtDesk, gateway: str | None = None, meter: str | None = None, limit: Limit = LIMIT
) -> list[FindingOut]:
    """Open findings, newest first."""
    findings = await desk.field.findings(gateway=gateway, meter=meter, limit=limit)
    return [FindingOut.model_validate(finding) for finding in findings]
