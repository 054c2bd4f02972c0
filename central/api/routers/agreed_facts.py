"""Facts of agreements, from a day on."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.responses import Response

from central.api.idempotency import DoOnce, address_of
from central.api.parameters import Services
from central.api.routers.commands import CHANGED, effect_with, location_of
from central.api.schemas.agreed_facts import AgreedFactOut, FactIn, NamedFactIn
from central.api.schemas.effects import FactEffectOut
from central.api.schemas.writes import EffectOut
from central.service.registry.agreed_facts import AgreedFactChanges
from central.service.registry.record_changes import Effect
from central.service.views.lookup import require

router = APIRouter(tags=["orders"])


def _answer(
    changes: AgreedFactChanges, fact: NamedFactIn, effect: Effect
) -> tuple[HTTPStatus, EffectOut]:
    bills = changes.concerned
    about = f"{fact.agreed()} from {fact.effective}"
    status = HTTPStatus.CREATED if effect is Effect.ADDED else HTTPStatus.OK
    return status, EffectOut(
        effect=effect,
        concerned={about: str(bills)} if bills.count else {},
        warnings=list(map(str, changes.warnings)),
    )


@router.post("/agreements/facts", responses=effect_with(FactEffectOut), response_model=None)
async def set_fact(services: Services, once: DoOnce, order: FactIn) -> Response:
    """Set a fact of an agreement from a day on, or correct the one of that day."""
    changes = AgreedFactChanges(services.registry, once.actor, services.clock)

    async def work() -> tuple[HTTPStatus, FactEffectOut]:
        fact = order.fact()
        effect = await changes.set(order.agreed(), fact, order.reason)
        status, answer = _answer(changes, order, effect)
        agreed = require(changes.agreement, "agreement", order.agreed())
        view = require(await services.billing.agreement_agreed(agreed), "agreement", order.agreed())
        path = address_of(
            "agreements", view.agreement, "facts",
            name=fact.name, effective=fact.effective.isoformat(),
        )  # fmt: skip
        return status, FactEffectOut(
            **{**dict(answer), "location": path}, fact=AgreedFactOut.of(fact)
        )

    return await once(work, location_of)


@router.post("/agreements/facts/withdraw", responses=CHANGED, response_model=None)
async def withdraw_fact(services: Services, once: DoOnce, order: NamedFactIn) -> Response:
    """Withdraw a fact that was entered by mistake; the one before its day holds on."""
    changes = AgreedFactChanges(services.registry, once.actor, services.clock)

    async def work() -> tuple[HTTPStatus, EffectOut]:
        await changes.withdraw(order.agreed(), order.name, order.effective, order.reason)
        return _answer(changes, order, Effect.CHANGED)

    return await once(work)
