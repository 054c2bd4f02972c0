"""What the utility says of its invoices, and who charges."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import Paging, Services, ServicesAsOf, UpdatedSince
from central.api.routers.commands import CHANGED, Responses
from central.api.schemas.base import Day, PageOut
from central.api.schemas.settings import SellerIn, SellerOut, SettingsIn, SettingsOut
from central.api.schemas.writes import EffectOut
from central.service.billing.change_settings import SettingsChange
from central.service.views.lookup import require
from central.service.views.paging import changed_since
from firmware_bridge.contract.errors import InvalidValueError

router = APIRouter(tags=["settings"])
IssueDay = Annotated[Day | None, Query(description="Day of issue; today where it is left out.")]
_SETTINGS: Responses = {HTTPStatus.OK.value: {"model": SettingsOut}}


@router.get("/settings")
async def get_settings(services: ServicesAsOf, day: IssueDay = None) -> SettingsOut:
    """Get the settings of invoices in force."""
    return SettingsOut.of(await services.settings.current(day))


@router.get("/settings/revisions")
async def list_revisions(
    services: ServicesAsOf, page: Paging, updated_since: UpdatedSince = None
) -> PageOut[SettingsOut]:
    """List every revision of the settings, oldest first."""
    revisions = changed_since(
        await services.settings.revisions(), updated_since, lambda row: (row.recorded_at,)
    )
    return page(revisions, lambda row: (row.revision,), SettingsOut.of)


@router.put("/settings", responses=_SETTINGS, response_model=None)
async def change_settings(services: Services, once: DoOnce, order: SettingsIn) -> Response:
    """Change settings, as a new revision. Bills that are issued keep what they were given."""

    async def work() -> tuple[HTTPStatus, SettingsOut]:
        change = order.change()
        if change == SettingsChange():
            message = "No setting is given."
            raise InvalidValueError(message, remedy="Give one, such as `due_days`.")
        recorded = await services.settings(change, once.actor, order.reason, order.effective)
        return HTTPStatus.OK, SettingsOut.of(recorded)

    return await once(work)


@router.get("/seller")
async def get_seller(services: ServicesAsOf) -> SellerOut:
    """Get who charges."""
    async with services.registry.transaction() as registry:
        seller = await registry.seller()
    return SellerOut.model_validate(require(seller, "seller", ""))


@router.put("/seller", responses=CHANGED, response_model=None)
async def replace_seller(services: Services, once: DoOnce, order: SellerIn) -> Response:
    """Say who charges. Bills that are issued keep who charged then."""

    async def work() -> tuple[HTTPStatus, EffectOut]:
        effect = await services.enrol(once.actor).seller(order.party(), order.reason)
        return HTTPStatus.OK, EffectOut(effect=effect)

    return await once(work)
