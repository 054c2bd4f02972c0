"""Rules that settle small differences of issued bills by themselves."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.responses import Response

from central.api.idempotency import DoOnce, shown_at
from central.api.parameters import Paging, Services, UpdatedSince
from central.api.schemas.base import PageOut
from central.api.schemas.corrections import (
    CorrectionRuleIn,
    CorrectionRuleOut,
    CorrectionRuleRef,
    WithdrawnCorrectionIn,
)
from central.domain.billing.correction_rule import RuleTerms
from central.service.views.paging import changed_since

router = APIRouter(tags=["bills"])


@router.get("/correction-rules")
async def list_rules(
    services: Services, page: Paging, updated_since: UpdatedSince = None
) -> PageOut[CorrectionRuleOut]:
    """List rules, all versions, by name and the newest first."""
    rules = changed_since(
        await services.rules.listed(),
        updated_since,
        lambda rule: (rule.entered_at, rule.approved_at, rule.withdrawn_at),
    )
    return page(
        rules,
        lambda rule: (rule.name, -rule.version),
        lambda rule: CorrectionRuleOut.model_validate(rule.to_json()),
    )


@router.post(
    "/correction-rules",
    responses={HTTPStatus.CREATED.value: {"model": CorrectionRuleOut}},
    response_model=None,
)
async def enter_rule(services: Services, once: DoOnce, order: CorrectionRuleIn) -> Response:
    """Enter the next version of a rule; another person approves it."""

    async def work() -> tuple[HTTPStatus, CorrectionRuleOut]:
        terms = RuleTerms(order.way, order.amount, order.currency, order.days, order.cause)
        version = await services.rules.enter(order.name, terms, once.actor, order.reason)
        entered = next(
            rule
            for rule in await services.rules.listed()
            if (rule.name, rule.version) == (order.name, version)
        )
        return HTTPStatus.CREATED, CorrectionRuleOut.model_validate(entered.to_json())

    return await once(work, shown_at("correction-rules"))


@router.post(
    "/correction-rules/{name}/{version}/approve",
    responses={HTTPStatus.OK.value: {"model": CorrectionRuleRef}},
    response_model=None,
)
async def approve_rule(services: Services, once: DoOnce, name: str, version: int) -> Response:
    """Put a version in force that somebody else entered."""

    async def work() -> tuple[HTTPStatus, CorrectionRuleRef]:
        await services.rules.approve(name, version, once.actor)
        return HTTPStatus.OK, CorrectionRuleRef(rule=f"{name}@{version}")

    return await once(work)


@router.post(
    "/correction-rules/{name}/{version}/withdraw",
    responses={HTTPStatus.OK.value: {"model": CorrectionRuleRef}},
    response_model=None,
)
async def withdraw_rule(
    services: Services, once: DoOnce, name: str, version: int, order: WithdrawnCorrectionIn
) -> Response:
    """Withdraw a version; what it settled stays."""

    async def work() -> tuple[HTTPStatus, CorrectionRuleRef]:
        await services.rules.withdraw(name, version, once.actor, order.reason)
        return HTTPStatus.OK, CorrectionRuleRef(rule=f"{name}@{version}")

    return await once(work)
