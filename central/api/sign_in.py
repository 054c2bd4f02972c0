"""Trading the operator's token for a session."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from central.api.access_middleware import SIGN_IN
from central.api.authentication import SESSION_COOKIE, Authenticator
from central.api.settings import WebSettings
from central.dashboard.page import pages_of

router = APIRouter(include_in_schema=False)


@router.get(SIGN_IN)
async def ask(request: Request) -> Response:
    """The form."""
    if request.state.browser_session.operator is not None:
        return RedirectResponse("/", HTTPStatus.SEE_OTHER)
    target = _within(request.query_params.get("next", "/"))
    return pages_of(request).render(request, "sign_in.html", wrong=False, next=target)


@router.post(SIGN_IN)
async def check(request: Request) -> Response:
    """A session for the right token; the form again for a wrong one."""
    fields = parse_qs((await request.body()).decode("utf-8", "replace"))
    target = _within(fields.get("next", ["/"])[0])
    authenticator: Authenticator = request.app.state.authenticator
    settings: WebSettings = request.app.state.settings
    if not authenticator.token_is_right(fields.get("token", [""])[0]):
        return pages_of(request).render(
            request, "sign_in.html", status=HTTPStatus.FORBIDDEN, wrong=True, next=target
        )
    session = authenticator.open_session(request.state.browser_session, pages_of(request).now())
    response = RedirectResponse(target, HTTPStatus.SEE_OTHER)
    response.set_cookie(
        SESSION_COOKIE,
        session,
        max_age=settings.session_s,
        httponly=True,
        samesite="lax",
        secure=settings.secure_cookies,
    )
    return response


def _within(target: str) -> str:
    """A path of ours; never an address elsewhere."""
    outside = not target.startswith("/") or target.startswith(("//", "/\\"))
    return "/" if outside or any(sign < " " for sign in target) else target
