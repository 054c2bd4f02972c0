"""Trading the operator's token for a session, and ending it."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from central.api.access_middleware import (
    SIGN_IN,
    SIGN_OUT,
    actor_of,
    cookie,
    is_secure,
    session_cookie,
)
from central.api.authentication import OPERATOR, SESSION_COOKIE, Authenticator
from central.api.failed_tokens import FailedTokens, network_of
from central.api.sessions import Sessions
from central.api.settings import WebSettings
from central.dashboard.page import pages_of

_log = structlog.get_logger(__name__)
router = APIRouter(include_in_schema=False)


@router.get(SIGN_IN)
async def ask(request: Request) -> Response:
    """The form."""
    if request.state.browser_session.operator is not None:
        return RedirectResponse("/", HTTPStatus.SEE_OTHER)
    target = within(request.query_params.get("next", "/"))
    return pages_of(request).render(request, "sign_in.html", wrong=False, next=target)


@router.post(SIGN_IN)
async def check(request: Request) -> Response:
    """A session for the right token; the form again for a wrong one.

    Raises:
        TooManyTriesError: Too many wrong ones came from there.
    """
    fields = parse_qs((await request.body()).decode("utf-8", "replace"))
    target = within(fields.get("next", ["/"])[0])
    state, now = request.app.state, pages_of(request).now()
    address = None if request.client is None else request.client.host
    authenticator: Authenticator = state.authenticator
    failed_tokens: FailedTokens = state.failed_tokens
    failed_tokens.admit(address, OPERATOR, now)
    is_right = authenticator.token_is_right(fields.get("token", [""])[0])
    failed_tokens.note(address, OPERATOR, now, is_right=is_right)
    if not is_right:
        return pages_of(request).render(
            request, "sign_in.html", status=HTTPStatus.FORBIDDEN, wrong=True, next=target
        )
    sessions: Sessions = state.sessions
    # Whoever had a session in this browser has another now, and the old secret is worth nothing.
    await sessions.end(session_cookie(request), actor_of(OPERATOR, SIGN_IN), now)
    agent = request.headers.get("user-agent", "")
    browser = request.state.browser_session
    secret = await sessions.begin(browser, OPERATOR, network_of(address), agent, now)
    _log.info("signed_in", account=OPERATOR, address=network_of(address))
    settings: WebSettings = state.settings
    return _to(request, target, secret, settings.session_s)


@router.post(SIGN_OUT)
async def sign_out(request: Request) -> Response:
    """End the browser's session."""
    sessions: Sessions = request.app.state.sessions
    actor = request.state.actor
    await sessions.end(session_cookie(request), actor, pages_of(request).now())
    _log.info("signed_out", account=actor.id)
    return _to(request, SIGN_IN, "", 0)


def _to(request: Request, target: str, secret: str, age_s: int) -> Response:
    response = RedirectResponse(target, HTTPStatus.SEE_OTHER)
    value = cookie(SESSION_COOKIE, secret, age_s, secure=is_secure(request))
    response.headers.append("Set-Cookie", value)
    return response


def within(target: str) -> str:
    """A path of ours; never an address elsewhere."""
    outside = not target.startswith("/") or target.startswith(("//", "/\\"))
    return "/" if outside or any(sign < " " for sign in target) else target
