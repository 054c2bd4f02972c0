"""One path is answered, anything else is not found, and nobody holds the agent up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from edge_agent.errors import MetricsPortError
from edge_agent.monitoring.prometheus import HOST, serve_metrics
from firmware_bridge import plain_http
from firmware_bridge.plain_http import REQUEST_MAX_BYTES

Respond = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Writer:
    """The sending half of a connection, which may be gone."""

    def __init__(self, *, is_gone: bool = False) -> None:
        self.sent = b""
        self.is_gone = is_gone
        self.is_open = True

    def write(self, data: bytes) -> None:
        self.sent += data

    async def drain(self) -> None:
        if self.is_gone:
            raise ConnectionResetError

    def close(self) -> None:
        self.is_open = False

    async def wait_closed(self) -> None:
        if self.is_gone:
            raise ConnectionResetError


async def figures() -> str:
    return "meterline_edge_connected 1\n"


async def responder(monkeypatch: pytest.MonkeyPatch) -> Respond:
    """What answers each connection of a server that opens no port."""
    made: list[Respond] = []

    async def start(respond: Respond, host: str, port: int, *, limit: int) -> object:
        assert (host, port, limit) == (HOST, 9_100, REQUEST_MAX_BYTES)
        made.append(respond)
        return object()

    monkeypatch.setattr(asyncio, "start_server", start)
    await serve_metrics(9_100, figures)
    return made[0]


async def answered(respond: Respond, request: bytes, writer: Writer) -> bytes:
    reader = asyncio.StreamReader(limit=REQUEST_MAX_BYTES)
    reader.feed_data(request)
    if not request.endswith(b"..."):
        reader.feed_eof()
    await respond(reader, cast("asyncio.StreamWriter", writer))
    assert not writer.is_open
    return writer.sent


async def test_figures_are_answered_with_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    respond = await responder(monkeypatch)
    sent = await answered(respond, b"GET /metrics HTTP/1.1\r\n\r\n", Writer())
    head, body = sent.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body.decode() == await figures()
    assert f"Content-Length: {len(body)}".encode() in head


@pytest.mark.parametrize("request_line", [b"GET / HTTP/1.1", b"POST /metrics HTTP/1.1"])
async def test_anything_else_is_not_found(
    request_line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    respond = await responder(monkeypatch)
    sent = await answered(respond, request_line + b"\r\n\r\n", Writer())
    assert sent.startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize(
    "request_bytes", [b"GET /met", b"GET /" + b"x" * (2 * REQUEST_MAX_BYTES), b"GET ..."]
)
async def test_half_a_request_gets_no_answer_and_does_not_stay(
    request_bytes: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_http, "REQUEST_TIMEOUT_S", 0.01)
    respond = await responder(monkeypatch)
    assert await answered(respond, request_bytes, Writer()) == b""


async def test_who_is_gone_before_the_answer_does_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    respond = await responder(monkeypatch)
    await answered(respond, b"GET /metrics HTTP/1.1\r\n\r\n", Writer(is_gone=True))


async def test_a_port_that_is_taken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def taken(*_: object, **__: object) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(asyncio, "start_server", taken)
    with pytest.raises(MetricsPortError, match="Address already in use"):
        await serve_metrics(9_100, figures)
