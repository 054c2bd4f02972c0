"""Notices and alerts: what was told to whom, what could not be, and what was reached."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.page import ROWS, asked, back_to, cursor, pages_of
from central.domain.alerts.alert_rule import CUSTOMERS_RULE
from central.service.ports.notices import DeliveryState

router = APIRouter(include_in_schema=False)
_PAGE = "/notices"
NUMBER_MAX = 200


@router.get(_PAGE)
async def notices(request: Request) -> Response:
    """Deliveries, those of a state if one is named; endpoints and rules."""
    pages = pages_of(request)
    store, state = pages.services.notices.store, asked(request, "state")
    if state and state not in set(DeliveryState):
        message = f"State: {state!r} is not waiting, delivered or failed."
        raise FieldRefusedError(message, value=state)
    wanted = DeliveryState(state) if state else None
    return pages.render(
        request,
        "notices.html",
        deliveries=await store.deliveries(cursor(request), ROWS, wanted),
        state=state,
        states=list(DeliveryState),
        endpoints=await store.endpoints(pages.now()),
        rules=await store.rules(),
    )


@router.post("/notice-deliveries/{delivery}/resend")
async def resend(request: Request, delivery: UUID) -> Response:
    """Send a notice once more."""
    form = await SentForm.of(request)
    reason = form.text("reason", "Reason")
    await pages_of(request).services.notices.resend(delivery, request.state.actor, reason)
    return back_to(_PAGE)


@router.post("/notice-endpoints/{endpoint}/test")
async def try_endpoint(request: Request, endpoint: str) -> Response:
    """Send a notice that says nothing but that the endpoint is tried."""
    await pages_of(request).services.notices.test(endpoint, request.state.actor)
    return back_to(_PAGE)


@router.get("/alerts")
async def alerts(request: Request) -> Response:
    """Alerts, the newest first, and the rules that raise them but those of customers."""
    pages = pages_of(request)
    store, account = pages.services.so_far_store, asked(request, "account", NUMBER_MAX)
    return pages.render(
        request,
        "alerts.html",
        alerts=await store.alerts(cursor(request), ROWS, account or None),
        account=account,
        rules=[row for row in await store.rules() if not row.name.startswith(CUSTOMERS_RULE)],
    )
