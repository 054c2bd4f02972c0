"""What every request passes: host, operator, forms, and the headers of every answer.

Plain ASGI, so that streaming answers stay streams and nothing is paid per request but a few
comparisons.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qs, quote

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from central.api.authentication import (
    BROWSER_COOKIE,
    SESSION_COOKIE,
    Authenticator,
    BrowserSession,
    cookie_name,
)
from central.api.bounds import bounded, most_for, refuse_declared
from central.api.identities import Identities
from central.api.plain_requests import refuse_bad_address
from central.api.problems import (
    AccessError,
    ForbiddenError,
    MisdirectedError,
    PlainHttpError,
    Problem,
    problem_of,
)
from central.api.request_rate import RequestRate
from central.api.settings import WebSettings, is_loopback
from central.domain.access.policy import Principal
from central.domain.actor import Actor, ActorKind, Via
from central.service.audit.origin import acting_from, network_of
from firmware_bridge.contract.enrolment import CLAIM_PATH, RENEW_PATH
from firmware_bridge.contract.errors import MeterlineError

API = "/api/"
SIGN_IN = "/sign-in"
SIGN_OUT = "/sign-out"
LANGUAGE = "/language"
WELCOME = "/welcome"
PROVIDER, FROM_PROVIDER = "/sign-in/provider", "/sign-in/provider/back"
CSRF_HEADER = "x-meterline-form"
CSRF_FIELD = "csrf_token"
_CSRF_FIELD_BEFORE = "proof"  # a page that was open before the field was renamed
_HEALTH = "/api/v1/health/"
_ANYBODYS = ("/static/", _HEALTH, "/favicon.ico")
_DOORS = frozenset({SIGN_IN, WELCOME, LANGUAGE, PROVIDER, FROM_PROVIDER})
"""What anybody may ask for, and forms that anybody may send who has the page with them."""
_PROVES_ITSELF = frozenset({CLAIM_PATH, RENEW_PATH})
"""What a device sends with a code or a signature, which no browser has to lend."""
EVENT_TYPES = frozenset(
    {
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "application/x-ndjson",
    }
)
"""What usage events are sent as beside JSON: no page of another site can send it unasked."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SAME_SITE = frozenset({"", "same-origin", "none"})
_BROWSER_COOKIE_AGE_S = 400 * 86_400

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

Refuse = Callable[[Request, Problem], Response]


class AccessMiddleware:
    """ASGI middleware that admits a request or answers it with a problem.

    Args:
        app: What comes after.
        settings: How we are reached.
        authenticator: Checks sessions and CSRF tokens.
        clock: The present, aware.
        refuse: Turns a problem into the answer that suits the request.
        identities: Finds out who asks.
    """

    def __init__(  # noqa: PLR0913 - what a request passes
        self,
        app: ASGIApp,
        *,
        settings: WebSettings,
        authenticator: Authenticator,
        clock: Callable[[], datetime],
        refuse: Refuse,
        identities: Identities,
    ) -> None:
        self._app = app
        self._settings = settings
        self._authenticator = authenticator
        self._clock = clock
        self._refuse = refuse
        self._identities = identities
        self._rate = RequestRate(settings.requests_per_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        receive = bounded(receive, most_for(scope["path"]))
        request = Request(scope, receive)
        session = self._authenticator.browser_of(request.cookies, secure=is_secure(request))
        request.state.browser_session = session
        reply = self._dressed(request, session, send)
        try:
            self._check_way(request)
            receive = await self._admit(request, session)
            self._count(request)
        except MeterlineError as error:
            await self._turn_away(request, error)(scope, receive, reply)
            return
        except ClientDisconnect:
            return
        with acting_from(client_origin(request)):
            await self._app(scope, receive, reply)

    def _count(self, request: Request) -> None:
        """Count a request of the API.

        Raises:
            TooManyRequestsError: Its actor makes too many.
        """
        actor: Actor | None = getattr(request.state, "actor", None)
        if actor is not None and request.url.path.startswith(API):
            self._rate.admit(actor.key, time.monotonic())

    def _check_way(self, request: Request) -> None:
        """Let in what comes over TLS, from this machine, or asks how we are.

        Raises:
            PlainHttpError: A token or a session would travel in the clear.
        """
        client = request.client
        if is_secure(request) or client is None or is_loopback(client.host):
            return
        if not request.url.path.startswith(_HEALTH):
            message = f"The request came by plain HTTP from {client.host}."
            raise PlainHttpError(message, value=client.host)

    async def _admit(self, request: Request, session: BrowserSession) -> Receive:
        """The request's body channel, once it may come in.

        Raises:
            BadTextError: The address holds what no store can.
            BodyTooLargeError: More is sent than may be.
            MisdirectedError: The host name is not ours.
            AccessError: Nobody asks who is known.
            TooManyTriesError: Too many wrong tokens came from there.
            ForbiddenError: A write cannot be shown to be the operator's own.
        """
        refuse_bad_address(request)
        refuse_declared(request)
        host = request.headers.get("host", "")
        if not self._settings.serves(_host_name(host)):
            message = f"{host!r} is not a host name of this service."
            raise MisdirectedError(message, value=host)
        path, now = request.url.path, self._clock()
        if path.startswith(_ANYBODYS) and request.method in _SAFE:
            return request.receive
        if path in _PROVES_ITSELF:
            return request.receive
        bearer = _bearer(request)
        if bearer is not None and path.startswith(API):
            address = None if request.client is None else request.client.host
            _let_in(request, await self._identities.of_bearer(bearer, address, now))
            return request.receive
        via = Via.API if path.startswith(API) else Via.DASHBOARD
        principal = await self._identities.of_browser(session, session_cookie(request), via, now)
        if principal is not None:
            session = replace(session, operator=principal.actor.id)
            request.state.browser_session = session
            _let_in(request, principal)
        elif path not in _DOORS:
            message = "This request needs a sign-in, or a key."
            raise AccessError(message)
        if request.method in _SAFE:
            return request.receive
        return await self._own_write(request, session)

    async def _own_write(self, request: Request, session: BrowserSession) -> Receive:
        """The body channel of a write that is the operator's own.

        Raises:
            ForbiddenError: It may have been sent by another site.
        """
        origin = request.headers.get("origin")
        foreign = request.headers.get("sec-fetch-site", "") not in _SAME_SITE or (
            origin is not None and origin != f"{request.url.scheme}://{request.headers.get('host')}"
        )
        if foreign:
            message = "The request came from another site."
            raise ForbiddenError(message, value=origin)
        if self._authenticator.csrf_token_is_right(session, request.headers.get(CSRF_HEADER, "")):
            return request.receive
        if request.url.path.startswith(API):
            # No browser sends neither header with a cross-site write, and JSON needs a preflight.
            if self._is_open(request) and _is_json(request):
                return request.receive
        else:
            receive, csrf_token = await _read_csrf_token(request)
            if self._authenticator.csrf_token_is_right(session, csrf_token):
                return receive
        message = "The form is out of date."
        raise ForbiddenError(message, remedy="Reload the page and send the form again.")

    def _is_open(self, request: Request) -> bool:
        """Whether whoever reaches us is let in: on the loopback interface, before people are."""
        principal = getattr(request.state, "principal", None)
        return (
            self._settings.open
            and isinstance(principal, Principal)
            and principal.actor.kind is ActorKind.TOKEN
        )

    def _turn_away(self, request: Request, error: MeterlineError) -> Response:
        page = not request.url.path.startswith(API) and request.method in _SAFE
        if isinstance(error, AccessError) and page:
            target = request.url.path
            if request.url.query:
                target = f"{target}?{request.url.query}"
            address = f"{SIGN_IN}?next={quote(target)}"
            if request.headers.get("hx-request"):
                return Response(status_code=204, headers={"HX-Redirect": SIGN_IN})
            return RedirectResponse(address, status_code=303)
        return self._refuse(request, problem_of(error))

    def _dressed(self, request: Request, session: BrowserSession, send: Send) -> Send:
        began = time.perf_counter()
        page = not request.url.path.startswith((API, "/static/"))

        async def reply(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "private, no-cache")
                spent_ms = (time.perf_counter() - began) * 1000
                headers["Server-Timing"] = f"app;dur={spent_ms:.1f}"
                if session.fresh and page:
                    secure = is_secure(request)
                    headers.append(
                        "Set-Cookie",
                        cookie(BROWSER_COOKIE, session.name, _BROWSER_COOKIE_AGE_S, secure=secure),
                    )
            await send(message)

        return reply


def cookie(name: str, value: str, age_s: int, *, secure: bool) -> str:
    """A Set-Cookie value that scripts cannot read and other sites cannot make travel."""
    suffix = "; Secure" if secure else ""
    named = cookie_name(name, secure=secure)
    return f"{named}={value}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax{suffix}"


def is_secure(request: Request) -> bool:
    """Whether a request came over TLS, to us or to a proxy that is trusted."""
    return request.url.scheme == "https"


def session_cookie(request: Request) -> str:
    """The secret of a browser that is signed in; empty where it has none."""
    return request.cookies.get(cookie_name(SESSION_COOKIE, secure=is_secure(request)), "")


def _let_in(request: Request, principal: Principal) -> None:
    request.state.principal = principal
    request.state.actor = principal.actor


def client_origin(request: Request) -> str:
    """From where somebody asks, for the audit log; of a customer no more than the network."""
    address = "socket" if request.client is None else request.client.host
    principal = getattr(request.state, "principal", None)
    is_customer = isinstance(principal, Principal) and bool(principal.accounts)
    return network_of(address) if is_customer else address


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _bearer(request: Request) -> str | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or kind in EVENT_TYPES


async def _read_csrf_token(request: Request) -> tuple[Receive, str]:
    """The CSRF token inside a form, and a channel that gives the form's bytes once more."""
    body = await request.body()
    fields = parse_qs(body.decode("utf-8", "replace"))

    async def again() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return again, (fields.get(CSRF_FIELD) or fields.get(_CSRF_FIELD_BEFORE) or [""])[0]
