"""Erasing what is personal of an account."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import Services
from central.api.routers.commands import CHANGED
from central.api.schemas.erasure import EraseIn
from central.api.schemas.writes import EffectOut
from central.service.registry.erase_account import EraseAccount
from central.service.registry.record_changes import Effect

router = APIRouter(tags=["orders"])


@router.post("/accounts/erase", responses=CHANGED, response_model=None)
async def erase_account(services: Services, once: DoOnce, order: EraseIn) -> Response:
    """Erase an account's name, address, tax number and contact, for ever.

    Refused while it is billed, and until the retention of its issued bills is over.
    """
    erase = EraseAccount(services.registry, services.settings_store, once.actor, services.clock)

    async def work() -> tuple[HTTPStatus, EffectOut]:
        await erase(order.account, order.reason)
        return HTTPStatus.OK, EffectOut(effect=Effect.CHANGED)

    return await once(work)
