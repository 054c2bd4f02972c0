"""What every request gets before anything else: an id for the log, and a look at the clock."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from central.service.tracing import span
from firmware_bridge.figures import Histogram

HEADER: Final = "X-Request-Id"
UNMATCHED: Final = "none"
"""The route of a request that no route is for; its address is whoever's it was."""

_GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestTimes:
    """How long requests took, by method, route and class of status."""

    def __init__(self) -> None:
        help_text = "Answering requests, by route. [s]"
        self._times = Histogram("request_seconds", help_text, labels=("method", "route", "status"))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one.

        Args:
            method: As it was sent.
            route: The template of its address.
            status: Of the answer; 0 where none began.
            seconds: Until the answer ended. [s]
        """
        named = method if method in _METHODS else "other"
        group = f"{status // 100}xx" if status else "none"
        self._times.observe(seconds, named, route, group)

    def figures(self) -> Sequence[Histogram]:
        """Of the moment."""
        return [self._times]


class RequestIdMiddleware:
    """ASGI middleware that names each request in the log and in its answer, and times it.

    Args:
        app: What comes after.
        times: Where it is counted.
    """

    def __init__(self, app: ASGIApp, times: RequestTimes) -> None:
        self._app = app
        self._times = times

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        name = _name_of(Headers(scope=scope).get(HEADER))
        scope.setdefault("state", {})["request_id"] = name

        async def reply(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        try:
            with (
                structlog.contextvars.bound_contextvars(request_id=name),
                span("request", http_request_method=scope["method"], request_id=name) as measured,
            ):
                try:
                    await self._app(scope, receive, reply)
                finally:
                    route = _route_of(scope)
                    measured.name(f"{scope['method']} {route}")
                    measured.set(http_route=route, http_response_status__code=status)
        except Exception:
            status = HTTPStatus.INTERNAL_SERVER_ERROR  # as it is answered further out
            raise
        finally:
            seconds = time.perf_counter() - began
            self._times.observe(scope["method"], _route_of(scope), status, seconds)


def _route_of(scope: Scope) -> str:
    """The template of a request's address, once it is routed."""
    route = getattr(scope.get("route"), "path", None)
    if route is None:
        return UNMATCHED
    # What routers are mounted below stands in the address alone.
    parts = scope["path"].split("/")
    before = max(len(parts) - len(route.split("/")) + 1, 0)
    return "/".join(parts[:before]) + str(route)


def _name_of(given: str | None) -> str:
    """The id that a proxy gave, where it is plain; else a new one."""
    return given if given is not None and _GIVEN.fullmatch(given) else uuid4().hex
