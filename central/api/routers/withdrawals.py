"""Withdrawing what was entered into the registry by mistake."""

from __future__ import annotations

from collections.abc import Awaitable
from http import HTTPStatus

from fastapi import APIRouter
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import Services
from central.api.routers.commands import CHANGED
from central.api.schemas.withdrawals import WithdrawAgreementIn, WithdrawInstallationIn
from central.api.schemas.writes import EffectOut
from central.service.registry.record_changes import Effect
from central.service.registry.withdraw import Withdraw

router = APIRouter(tags=["orders"])


async def _changed(
    what: str, use_case: Withdraw, order: Awaitable[None]
) -> tuple[HTTPStatus, EffectOut]:
    await order
    bills = use_case.concerned
    concerned = {what: str(bills)} if bills.count else {}
    return HTTPStatus.OK, EffectOut(effect=Effect.CHANGED, concerned=concerned)


@router.post("/agreements/withdraw", responses=CHANGED, response_model=None)
async def withdraw_agreement(
    services: Services, once: DoOnce, order: WithdrawAgreementIn
) -> Response:
    """Withdraw an agreement that was entered by mistake, and of which nothing is billed."""
    use_case = Withdraw(services.registry, once.actor, services.clock)
    named = order.named()
    return await once(
        lambda: _changed(str(named), use_case, use_case.agreement(named, order.reason))
    )


@router.post("/installations/withdraw", responses=CHANGED, response_model=None)
async def withdraw_installation(
    services: Services, once: DoOnce, order: WithdrawInstallationIn
) -> Response:
    """Withdraw a meter at a point that was entered by mistake, and of which nothing is in drafts.

    Days that were validated with it are validated again. Issued bills stay, and are named.
    """
    use_case = Withdraw(services.registry, once.actor, services.clock)
    named = order.named()
    return await once(
        lambda: _changed(str(named), use_case, use_case.installation(named, order.reason))
    )
