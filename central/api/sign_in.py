"""Trading a password for a session, choosing one, and signing out.

Before anybody was added, the operator's token stands in the password's place.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from central.api.access_middleware import (
    SIGN_IN,
    SIGN_OUT,
    WELCOME,
    cookie,
    is_secure,
    session_cookie,
)
from central.api.authentication import OPERATOR, SESSION_COOKIE, Authenticator
from central.api.failed_tokens import FailedTokens, network_of
from central.api.identities import Identities
from central.api.parameters import services_of
from central.api.sessions import Sessions
from central.api.settings import WebSettings
from central.dashboard.form import SentForm
from central.dashboard.page import pages_of
from central.domain.actor import Actor, ActorKind, Via
from central.service.people.passwords import LONGEST, PasswordRefusedError
from central.service.people.people import CodeRefusedError
from central.service.people.second_factor import SecondFactors

_NAME_MAX = 64
_CODE_MAX = 40
_log = structlog.get_logger(__name__)
router = APIRouter(include_in_schema=False)


@router.get(SIGN_IN)
async def ask(request: Request) -> Response:
    """The form."""
    if request.state.browser_session.operator is not None:
        return RedirectResponse("/", HTTPStatus.SEE_OTHER)
    return await form(request, within(request.query_params.get("next", "/")))


@router.post(SIGN_IN)
async def check(request: Request) -> Response:
    """A session for the right password; the form again for a wrong one, whosever name it is.

    Raises:
        TooManyTriesError: Too many wrong ones came from there.
    """
    fields = parse_qs((await request.body()).decode("utf-8", "replace"))
    sent = {name: values[0] for name, values in fields.items()}
    target = within(sent.get("next", "/"))
    state, now = request.app.state, pages_of(request).now()
    address = None if request.client is None else request.client.host
    failed_tokens: FailedTokens = state.failed_tokens
    identities: Identities = state.identities
    is_before = await identities.is_before_people()
    named = OPERATOR if is_before else sent.get("name", "").strip().lower()[:_NAME_MAX]
    failed_tokens.admit(address, named, now)
    account = await (_token_holder if is_before else _person)(request, named, sent)
    failed_tokens.note(address, named, now, is_right=account is not None)
    if account is None:
        return await form(request, target, wrong=True)
    return await begin_session(request, account, target, now)


async def begin_session(request: Request, account: str, target: str, now: datetime) -> Response:
    """Sign an account in in the browser, and go on to a path of ours."""
    state = request.app.state
    sessions: Sessions = state.sessions
    # Whoever had a session in this browser has another now, and the old secret is worth nothing.
    await sessions.end(session_cookie(request), _actor(account), now)
    agent = request.headers.get("user-agent", "")
    address = network_of(None if request.client is None else request.client.host)
    secret = await sessions.begin(request.state.browser_session, account, address, agent, now)
    _log.info("signed_in", account=account, address=address)
    settings: WebSettings = state.settings
    return _to(request, target, secret, settings.session_s)


@router.get(WELCOME)
async def welcome(request: Request) -> Response:
    """The form in which somebody chooses a password with a code."""
    return pages_of(request).render(request, "welcome.html", refusal="")


@router.post(WELCOME)
async def choose(request: Request) -> Response:
    """A password for whoever has a right code; then they sign in with it.

    Raises:
        TooManyTriesError: Too many wrong codes came from there.
    """
    form = await SentForm.of(request)
    name = form.text("name", "Name", _NAME_MAX)
    password = form.secret("password", "Password", LONGEST)
    address = None if request.client is None else request.client.host
    failed_tokens: FailedTokens = request.app.state.failed_tokens
    now = pages_of(request).now()
    failed_tokens.admit(address, name.lower(), now)
    try:
        account = await _chosen(request, form, name, password)
    except (CodeRefusedError, PasswordRefusedError) as error:
        if isinstance(error, CodeRefusedError):
            failed_tokens.note(address, name.lower(), now, is_right=False)
        status = HTTPStatus.FORBIDDEN
        refusal = f"{error.message} {error.remedy}"
        return pages_of(request).render(request, "welcome.html", status=status, refusal=refusal)
    _log.info("password_chosen", account=account, address=network_of(address))
    return RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)


async def _chosen(request: Request, form: SentForm, name: str, password: str) -> str:
    if password != form.secret("again", "Password again", LONGEST):
        message = "The two passwords differ."
        raise PasswordRefusedError(message, remedy="Type the same password twice.")
    people = services_of(request).people
    return await people.choose_password(name, form.text("code", "Code"), password)


@router.post(SIGN_OUT)
async def sign_out(request: Request) -> Response:
    """End the browser's session."""
    sessions: Sessions = request.app.state.sessions
    actor = request.state.actor
    await sessions.end(session_cookie(request), actor, pages_of(request).now())
    _log.info("signed_out", account=actor.id)
    return _to(request, SIGN_IN, "", 0)


async def form(
    request: Request, target: str, *, wrong: bool = False, refusal: str = ""
) -> Response:
    """The form, with what it says of the try before."""
    identities: Identities = request.app.state.identities
    sign_ins = services_of(request).provider_sign_ins
    return pages_of(request).render(
        request,
        "sign_in.html",
        status=HTTPStatus.FORBIDDEN if wrong or refusal else HTTPStatus.OK,
        wrong=wrong,
        refusal=refusal,
        next=target,
        by_token=await identities.is_before_people(),
        provider=None if sign_ins is None else sign_ins.provider.label,
    )


async def _token_holder(request: Request, named: str, sent: dict[str, str]) -> str | None:
    authenticator: Authenticator = request.app.state.authenticator
    return named if authenticator.token_is_right(sent.get("token", "")) else None


async def _person(request: Request, named: str, sent: dict[str, str]) -> str | None:
    password = sent.get("password", "")[:LONGEST]
    name = await services_of(request).people.signed_in(named, password)
    factors: SecondFactors = request.app.state.second_factors
    if name is None or not await factors.is_asked(name):
        return name
    code = sent.get("code", "")[:_CODE_MAX]
    return name if await factors.lets_in(name, code, _actor(name)) else None


def _actor(account: str) -> Actor:
    kind = ActorKind.TOKEN if account == OPERATOR else ActorKind.PERSON
    return Actor(kind, account, Via.DASHBOARD)


def _to(request: Request, target: str, secret: str, age_s: int) -> Response:
    response = RedirectResponse(target, HTTPStatus.SEE_OTHER)
    value = cookie(SESSION_COOKIE, secret, age_s, secure=is_secure(request))
    response.headers.append("Set-Cookie", value)
    return response


def within(target: str) -> str:
    """A path of ours; never an address elsewhere."""
    outside = not target.startswith("/") or target.startswith(("//", "/\\"))
    return "/" if outside or any(sign < " " for sign in target) else target
