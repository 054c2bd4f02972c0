"""By what corrections go by themselves, how far back they may go, and days that are not billed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.page import ROWS, asked, back_to, pages_of
from central.domain.billing.correction import CorrectionWay
from central.domain.billing.correction_limit import MONTHS_MAX, TEXT_MAX, LimitCause, LimitTerms
from central.domain.billing.correction_rule import DAYS_MAX, RuleCause, RuleState, RuleTerms
from central.service.ports.correction_limits import LimitScope
from central.service.ports.suppressions import OccupiedService

router = APIRouter(include_in_schema=False)
_PAGE = "/correction-rules"


@router.get("/correction-rules")
async def correction_rules(request: Request) -> Response:
    """Rules, limits and suppressed days, with what may be done about them."""
    pages = pages_of(request)
    services = pages.services
    rules = await services.rules.listed()
    limits = await services.limits.listed()
    suppressions = await services.suppressions.listed()
    return pages.render(
        request,
        "correction_rules.html",
        rules=rules[:ROWS],
        limits=limits[:ROWS],
        suppressions=suppressions[:ROWS],
        causes=list(LimitCause),
        days_max=DAYS_MAX,
        months_max=MONTHS_MAX,
        open_states=(RuleState.ENTERED, RuleState.IN_FORCE),
        day=timedelta(days=1),
    )


@router.post("/correction-rules")
async def enter_rule(request: Request) -> Response:
    """Enter the next version of a rule."""
    form = await SentForm.of(request)
    way = form.text("way", "Way")
    if way not in set(CorrectionWay):
        message = f"Way: {way!r} is not adjust or leave."
        raise FieldRefusedError(message, value=way)
    cause = form.optional("rule_cause", "Cause") or RuleCause.ANY
    if cause not in set(RuleCause):
        message = f"Cause: {cause!r} is not any or estimates."
        raise FieldRefusedError(message, value=cause)
    terms = RuleTerms(
        CorrectionWay(way),
        _amount(form.text("amount", "Amount"), "Amount"),
        form.text("currency", "Currency", 3),
        form.whole("days", "Days", DAYS_MAX),
        RuleCause(cause),
    )
    rules = pages_of(request).services.rules
    name, reason = form.text("rule", "Rule"), form.text("reason", "Reason")
    await rules.enter(name, terms, request.state.actor, reason)
    return back_to(_PAGE)


@router.post("/correction-rules/{name}/{version}/approve")
async def approve_rule(request: Request, name: str, version: int) -> Response:
    """Put a version in force."""
    await SentForm.of(request)
    await pages_of(request).services.rules.approve(name, version, request.state.actor)
    return back_to(_PAGE)


@router.post("/correction-rules/{name}/{version}/withdraw")
async def withdraw_rule(request: Request, name: str, version: int) -> Response:
    """Withdraw a version."""
    form = await SentForm.of(request)
    reason = form.text("reason", "Reason")
    await pages_of(request).services.rules.withdraw(name, version, request.state.actor, reason)
    return back_to(_PAGE)


@router.post("/correction-limits")
async def enter_limit(request: Request) -> Response:
    """Enter a limit."""
    form = await SentForm.of(request)
    smallest = form.optional("smallest", "Smallest difference")
    cause = form.optional("cause", "Cause")
    if cause and cause not in set(LimitCause):
        message = f"Cause: {cause!r} is no cause of corrections."
        raise FieldRefusedError(message, value=cause)
    terms = LimitTerms(
        form.optional_whole("charge_months", "Months charged", MONTHS_MAX),
        form.optional_whole("credit_months", "Months given back", MONTHS_MAX),
        _amount(smallest, "Smallest difference") if smallest else None,
        form.optional("currency", "Currency", 3) or None,
        form.text("source", "Law or contract", TEXT_MAX),
    )
    scope = LimitScope(
        form.optional("group", "Group") or None, LimitCause(cause) if cause else None
    )
    effective = form.day("effective", "From")
    limits = pages_of(request).services.limits
    await limits.enter(terms, request.state.actor, form.text("reason", "Reason"), effective, scope)
    return back_to(_PAGE)


@router.get("/suppressed-periods/new")
async def choose_suppression(request: Request) -> Response:
    """What not billing days means, before somebody proposes it."""
    return pages_of(request).render(
        request,
        "suppress.html",
        account=asked(request, "account", TEXT_MAX),
        point=asked(request, "point", TEXT_MAX),
    )


@router.post("/suppressed-periods")
async def suppress(request: Request) -> Response:
    """Propose that days be not billed, which somebody else approves."""
    form = await SentForm.of(request)
    occupied = OccupiedService(
        form.text("account", "Account"),
        form.text("point", "Service point"),
        form.optional("service", "Service") or None,
    )
    until = form.day("last", "Last day") + timedelta(days=1)
    reason = form.text("reason", "Reason")
    services = pages_of(request).services
    await services.suppressions.suppress(occupied, until, request.state.actor, reason)
    return back_to(_PAGE)


@router.post("/suppressed-periods/{suppression}/approve")
async def approve_suppression(request: Request, suppression: UUID) -> Response:
    """Let proposed days not be billed."""
    await SentForm.of(request)
    await pages_of(request).services.suppressions.approve(suppression, request.state.actor)
    return back_to(_PAGE)


@router.post("/suppressed-periods/{suppression}/lift")
async def lift_suppression(request: Request, suppression: UUID) -> Response:
    """Have suppressed days billed by the next run."""
    form = await SentForm.of(request)
    reason = form.text("reason", "Reason")
    suppressions = pages_of(request).services.suppressions
    await suppressions.lift(suppression, request.state.actor, reason)
    return back_to(_PAGE)


def _amount(text: str, label: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        message = f"{label}: {text!r} is not an amount such as 2.50."
        raise FieldRefusedError(message, value=text) from None
