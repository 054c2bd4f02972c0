"""Answer a request that carries an idempotency key once, and the same again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Depends, Header
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from central.api.parameters import services_of
from central.api.problems import KeyBusyError, KeyReusedError
from central.domain.actor import Actor
from central.service.operator.services import OperatorServices
from central.service.ports.idempotency import StoredAnswer

JSON = "application/json"
_V1 = "/api/v1"
Work = Callable[[], Awaitable[tuple[HTTPStatus, BaseModel]]]
Location = Callable[[dict[str, Any]], str | None]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Key of your choice. A repeated request gets the same answer and is done once.",
    ),
]


class Once:
    """Does a request's work, or gives the answer that the same request had.

    Args:
        request: The request.
        key: Its idempotency key, if it has one.
    """

    def __init__(self, request: Request, key: Key = None) -> None:
        self._request = request
        self._services: OperatorServices = services_of(request)
        self._key = key

    @property
    def actor(self) -> Actor:
        """Who asks."""
        actor: Actor = self._request.state.actor
        return actor

    async def __call__(self, work: Work, location: Location | None = None) -> Response:
        """The answer.

        Args:
            work: A use-case that changes all or nothing.
            location: Where what was created is found, of the answer's body.

        Raises:
            KeyReusedError: The key came with another request before.
            KeyBusyError: The same request is still at work.
        """
        if self._key is None:
            return response_of(await _done(work, b""), location)
        digest = await self._digest()
        known = await self._services.answers.claim(self._key, digest, self._services.clock())
        if known is not None:
            return response_of(self._replay(known, digest), location, replayed=True)
        try:
            answer = await _done(work, digest)
        except BaseException:
            # Nothing was changed, so the key is free for another try.
            await self._services.answers.release(self._key)
            raise
        await self._services.answers.settle(self._key, answer)
        return response_of(answer, location)

    async def _digest(self) -> bytes:
        request = self._request
        # Nobody is given what another was answered.
        head = f"{self.actor.key} {request.method} {request.url.path}\n"
        digest = hashlib.sha256(head.encode())
        digest.update(await request.body())
        return digest.digest()

    def _replay(self, known: StoredAnswer, digest: bytes) -> StoredAnswer:
        if known.request_sha256 != digest:
            message = "The idempotency key belongs to another request."
            raise KeyReusedError(
                message, value=self._key, remedy="Use a new key for a new request."
            )
        if known.status is None:
            message = "A request with this idempotency key is still in progress."
            raise KeyBusyError(message, value=self._key, remedy="Send it again in a few seconds.")
        return known


async def _done(work: Work, digest: bytes) -> StoredAnswer:
    status, body = await work()
    return StoredAnswer(digest, status.value, body.model_dump_json().encode())


def shown_at(*path: str) -> Location:
    """Where what was created is found, whatever the answer says: itself, or the list it stands in.

    Args:
        path: The parts of a path of the API.
    """
    address = address_of(*path)
    return lambda _: address


def address_of(*path: str, **query: str) -> str:
    """A path of the API, with a query where one narrows a list to what is meant."""
    address = "/".join((_V1, *(quote(name, safe="") for name in path)))
    return f"{address}?{urlencode(query, quote_via=quote)}" if query else address


def first_bill(answer: dict[str, Any]) -> str | None:
    """Where the first of some bills is that were proposed together."""
    return next((f"{_V1}/bills/{bill}" for bill in answer["bills"]), None)


def response_of(
    answer: StoredAnswer, location: Location | None, *, replayed: bool = False
) -> Response:
    """The answer as it is sent.

    Args:
        answer: Status and body.
        location: Where what was created is found; of the answer's body.
        replayed: Whether it was given before.

    Raises:
        TypeError: The route creates something, and says no place of it.
    """
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    status = answer.status or HTTPStatus.OK
    if status == HTTPStatus.CREATED and location is None:
        message = "What a route creates has a place where it is found."
        raise TypeError(message)
    if location is not None and status == HTTPStatus.CREATED:
        address = location(json.loads(answer.body))
        headers |= {} if address is None else {"Location": address}
    return Response(answer.body, status, headers, media_type=JSON)


async def _once(request: Request, key: Key = None) -> Once:
    return Once(request, key)


DoOnce = Annotated[Once, Depends(_once)]
