"""Answering programs of the same machine: figures for Prometheus, whether a process works.

One request a connection, no more than a line of it read.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

REQUEST_MAX_BYTES: Final = 8_192
REQUEST_TIMEOUT_S: Final = 5.0
FIGURES: Final = "text/plain; version=0.0.4"
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class PlainAnswer:
    """What a path answers.

    Args:
        body: Its text.
        media_type: Of the text.
        status: Code and phrase.
    """

    body: str
    media_type: str = FIGURES
    status: str = "200 OK"


Answers = Mapping[str, Callable[[], Awaitable[PlainAnswer]]]


async def serve_plain(host: str, port: int, answers: Answers) -> asyncio.Server:
    """Answer `GET` of a few paths; anything else is not found.

    Args:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        answers: By path, asked at the moment.

    Raises:
        OSError: The port is unavailable.
    """

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                request = await reader.readuntil(b"\r\n\r\n")
                answer = await _answer(request, answers)
                body = answer.body.encode()
                head = (
                    f"HTTP/1.1 {answer.status}\r\nContent-Type: {answer.media_type}\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                )
                writer.write(head.encode() + body)
                await writer.drain()
        except (
            TimeoutError,
            ConnectionError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    return await asyncio.start_server(respond, host, port, limit=REQUEST_MAX_BYTES)


async def _answer(request: bytes, answers: Answers) -> PlainAnswer:
    method, _, rest = request.partition(b" ")
    path = rest.split(b" ", 1)[0].decode("latin-1")
    asked = answers.get(path) if method == b"GET" else None
    return PlainAnswer("Not found\n", status="404 Not Found") if asked is None else await asked()
