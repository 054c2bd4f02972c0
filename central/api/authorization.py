"""Every route asks the policy before it does anything: a dependency of the whole application."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request

from central.api.access_rules import API, PUBLIC, RULES, SIGNED_IN, named_in
from central.api.identities import principal_of
from central.api.parameters import services_of
from central.domain.access.policy import (
    MEANING,
    AccessRule,
    Decision,
    NotPermittedError,
    Principal,
    decide,
    roles_with,
)

_log = structlog.get_logger(__name__)
HOME = "/me"


async def authorize(request: Request) -> None:
    """Return where whoever asks may have what they ask for.

    Raises:
        AccessError: Nobody is signed in.
        NotPermittedError: The policy refuses it, or no rule names the route.
    """
    path = _template(request)
    route = f"{request.method} {path}"
    if route in PUBLIC:
        return
    principal = principal_of(request)
    request.state.may = partial(_may, principal)
    if route in SIGNED_IN:
        return
    rule = RULES.get(route)
    if rule is None:
        _log.error("route_without_rule", route=route)
        message = f"No rule says who may use {route}."
        raise NotPermittedError(message, value=route)
    decision = decide(principal, rule)
    if decision is Decision.ALLOWED or await _is_inside(request, principal, rule, decision, path):
        return
    if route == "GET /":
        raise HTTPException(HTTPStatus.SEE_OTHER, headers={"Location": HOME})
    _log.warning("not_permitted", person=principal.actor.id, route=route, decision=decision.value)
    raise _refusal(principal, rule, decision)


def _template(request: Request) -> str:
    """The path of the route, which a router says without the prefix that it is included under."""
    path = str(request.scope["route"].path)
    inside = request.url.path.startswith(f"{API}/") and not path.startswith(f"{API}/")
    return f"{API}{path}" if inside else path


def _may(principal: Principal, route: str) -> bool:
    """Whether a page would be given, where it is about everybody: what the navigation shows."""
    rule = RULES.get(route)
    return rule is not None and decide(principal, rule) is Decision.ALLOWED


async def _is_inside(
    request: Request, principal: Principal, rule: AccessRule, decision: Decision, path: str
) -> bool:
    """Whether what is asked for is inside of somebody's limits, where that decides."""
    services = services_of(request)
    today = services.clock().date()
    key = request.path_params.get(named_in(path)[1], "")
    if decision is Decision.IF_OWN_AND_ISSUED:
        return await services.people.store.is_own_issued_bill(principal, key, today)
    if decision is Decision.IF_INSIDE:
        return await services.people.store.is_inside(principal, rule.whose, key, today)
    return False


def _refusal(principal: Principal, rule: AccessRule, decision: Decision) -> NotPermittedError:
    name = principal.actor.id
    if decision is Decision.REFUSED:
        roles = ", ".join(roles_with(rule.permission)) or "none"
        message = f"{name} may not {MEANING[rule.permission]} ({rule.permission})."
        remedy = f"Ask an administrator; roles that may: {roles}. A key may what it was given for."
        return NotPermittedError(message, value=rule.permission.value, remedy=remedy)
    # The same whether there is such a thing or not.
    message = f"This is outside of what {name} may see."
    remedy = "Ask for what is in your groups or accounts, or ask an administrator."
    return NotPermittedError(message, value=rule.permission.value, remedy=remedy)
