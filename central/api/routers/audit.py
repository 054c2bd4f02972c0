"""The audit log: who did what, and whether the log still says so."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import LIMIT, After, Limit, Services
from central.api.routers.commands import Responses
from central.api.schemas.audit import AuditCheckOut, AuditRowOut
from central.api.schemas.base import PageOut, When, page_out
from central.service.operator.audit_log import audit_page
from central.service.operator.services import OperatorServices
from central.service.ports.audit import AuditFilter

router = APIRouter(tags=["audit"])
WAIT_S = 2.0
_CHECK: Responses = {HTTPStatus.OK.value: {"model": AuditCheckOut}}
Text = Annotated[str | None, Query(max_length=200)]


@router.get("/audit")
async def list_audit(  # noqa: PLR0913 - every filter is a parameter
    services: Services,
    *,
    subject: Text = None,
    actor: Text = None,
    action: Text = None,
    origin: Text = None,
    since: When | None = None,
    until: When | None = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[AuditRowOut]:
    """List the audit log, newest first."""
    wanted = AuditFilter(subject, actor, action, since, until, origin=origin)
    page = await audit_page(services.audit, wanted, after=after, limit=limit)
    return page_out(page, AuditRowOut.of)


@router.get("/audit/check")
async def get_check(services: Services) -> AuditCheckOut:
    """Get the head of the log, and what its last verification found."""
    return await _check(services)


@router.post("/audit/check", responses=_CHECK, response_model=None)
async def begin_check(services: Services, once: DoOnce) -> Response:
    """Begin to verify the log, unless that is under way; a short log is verified at once."""

    async def work() -> tuple[HTTPStatus, AuditCheckOut]:
        await services.audit_check.begin(WAIT_S)
        return HTTPStatus.OK, await _check(services)

    return await once(work)


async def _check(services: OperatorServices) -> AuditCheckOut:
    head = await services.audit.head()
    return AuditCheckOut.of(str(head), head.number, services.audit_check)
