"""Tell apart what is asked again and again, and change only what one has seen.

Each JSON answer to a GET has an entity tag of its bytes. With `If-None-Match` an answer that is
still the same is 304 and has no body. A write with `If-Match` is done only where a GET of the
same path, or of the nearest one above that can be got, still answers with that tag; else it is 412
and nothing is changed. Who writes with `If-Match` claims the tag of what is changed in the
database, so of several that saw the same, in whatever processes, one is done, the others are 412.

Source: RFC 9110.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Final
from weakref import WeakValueDictionary

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from central.api.problems import ChangedMeanwhileError, ChangingNowError, Problem, problem_of
from central.service.ports.idempotency import AnswerStore
from firmware_bridge.contract.errors import MeterlineError

Refuse = Callable[[Request, Problem], Response]
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LARGEST: Final = 1 << 20
"""Answers that are longer have no tag. [bytes]"""
_CLAIM: Final = "if-match "
"""Begins the keys under which tags are claimed; no `Idempotency-Key` has a space."""
_TRIES: Final = 200
_BETWEEN_TRIES_S: Final = 0.05
_OF_BODIES: Final = frozenset({b"content-type", b"content-length", b"transfer-encoding"})


class EntityTagMiddleware:
    """ASGI middleware of the API's paths.

    Args:
        app: What comes after.
        prefix: Of the API's paths.
        refuse: How a problem is answered.
        claims: Where tags are claimed.
        clock: Now, aware.
    """

    def __init__(
        self,
        app: ASGIApp,
        prefix: str,
        refuse: Refuse,
        claims: AnswerStore,
        clock: Callable[[], datetime],
    ) -> None:
        self._app = app
        self._prefix = prefix
        self._refuse = refuse
        self._claims = claims
        self._clock = clock
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
        elif scope["method"] == "GET":
            await self._answer(scope, receive, send)
        elif scope["method"] in _WRITES and (asked := Headers(scope=scope).get("if-match")):
            await self._write(asked, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(send)
        await self._app(scope, receive, answer)
        await answer.end(Headers(scope=scope).get("if-none-match", ""))

    async def _write(self, asked: str, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        lock = self._locks.setdefault(path, asyncio.Lock())
        try:
            async with lock, self._claimed(asked, scope, path):
                await self._app(scope, receive, send)
        except MeterlineError as error:
            # Whatever the application refuses is answered by itself and does not come here.
            await self._refuse(Request(scope), problem_of(error))(scope, receive, send)

    @asynccontextmanager
    async def _claimed(self, asked: str, scope: Scope, path: str) -> AsyncIterator[None]:
        """Hold the tag of what a write changes, where it is one that its sender names.

        Raises:
            ChangedMeanwhileError: It is another.
            ChangingNowError: Somebody who saw the same is at work on it, and goes on.
        """
        for _ in range(_TRIES):
            claim = await self._named(asked, scope, path)
            digest = hashlib.sha256(claim.encode()).digest()
            key = f"{_CLAIM}{digest.hex()}"
            if await self._claims.claim(key, digest, self._clock()) is None:
                break
            await asyncio.sleep(_BETWEEN_TRIES_S)
        else:
            message = "Somebody who saw the same is changing it."
            raise ChangingNowError(message, value=path)
        try:
            if await self._named(asked, scope, path) != claim:
                raise _changed(None)
            yield
        finally:
            await self._claims.release(key)

    async def _named(self, asked: str, scope: Scope, path: str) -> str:
        """What a write changes, and its tag now."""
        changed, current = path, await self._tag_of(scope, path)
        if current is None:
            changed = path.rpartition("/")[0]
            current = await self._tag_of(scope, changed)
        if current is None or not _names(asked, current):
            raise _changed(current)
        return f"{changed} {current}"

    async def _tag_of(self, scope: Scope, path: str) -> str | None:
        """The tag of what a GET answers now, asked in the same name; None where it has none."""
        headers = [pair for pair in scope["headers"] if pair[0].lower() not in _OF_BODIES]
        asked = {
            **scope,
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
        }
        answer = _Answer(None)
        await self._app(asked, _nothing, answer)
        return answer.tag


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _names(asked: str, tag: str) -> bool:
    """Whether a list of tags, or `*`, names one; weak ones compare as their strong ones do."""
    wanted = {entry.strip().removeprefix("W/") for entry in asked.split(",")}
    return "*" in wanted or tag in wanted


def _changed(current: str | None) -> ChangedMeanwhileError:
    message = "It is another than the one that `If-Match` names."
    return ChangedMeanwhileError(message, value=current)


class _Answer:
    """An answer that is held back while it may get a tag.

    Args:
        send: Where it goes; None for nowhere.
    """

    def __init__(self, send: Send | None) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = bytearray()
        self._holds = False

    async def __call__(self, message: Message) -> None:
        """Take a message of the answer."""
        if message["type"] == "http.response.start":
            self._start = message
            self._holds = message["status"] == HTTPStatus.OK and _is_json(message)
            if self._holds:
                return
        elif self._holds and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if len(self._body) <= _LARGEST:
                return
            self._holds = False
            await self._pass(self._start)
            message = {**message, "body": bytes(self._body)}
        await self._pass(message)

    async def _pass(self, message: Message | None) -> None:
        if self._send is not None and message is not None:
            await self._send(message)

    @property
    def tag(self) -> str | None:
        """Of the whole answer; None where it has none."""
        return f'"{hashlib.sha256(self._body).hexdigest()[:32]}"' if self._holds else None

    async def end(self, asked: str) -> None:
        """Send what was held back, or that it is what the asker has."""
        tag = self.tag
        if tag is None or self._start is None:
            return
        same = bool(asked) and _names(asked, tag)
        left_out = _OF_BODIES if same else frozenset[bytes]()
        headers = [pair for pair in self._start["headers"] if pair[0].lower() not in left_out]
        changed: Mapping[str, object] = {
            "status": HTTPStatus.NOT_MODIFIED.value if same else self._start["status"],
            "headers": [*headers, (b"etag", tag.encode())],
        }
        await self._pass({**self._start, **changed})
        await self._pass({"type": "http.response.body", "body": b"" if same else bytes(self._body)})


def _is_json(start: Message) -> bool:
    kinds = (value for name, value in start["headers"] if name.lower() == b"content-type")
    return any(kind.startswith(b"application/json") for kind in kinds)
