"""The running agent's answer to `meterline-edge status`: one JSON line per connection.

A socket beside the buffer file, not a file written every few seconds: a card wears out.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from edge_agent.errors import BufferUnavailableError

ANSWER_MAX_BYTES = 4 * 1024 * 1024


def socket_path(buffer: Path) -> Path:
    """Where an agent with that buffer listens."""
    return buffer.with_name(buffer.name + ".sock")


async def listen(path: Path, answer: Callable[[], Awaitable[str]]) -> asyncio.Server:
    """Answer each connection with what `answer` says at the moment.

    Raises:
        BufferUnavailableError: The socket cannot be made, for instance because its path is too
            long (107 bytes).
    """

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write((await answer()).encode() + b"\n")
            await writer.drain()
        writer.close()

    path.unlink(missing_ok=True)  # noqa: ASYNC240 - once, on starting
    try:
        return await asyncio.start_unix_server(serve, path)
    except OSError as error:
        message = f"The status socket {path} cannot be created: {error}."
        raise BufferUnavailableError(
            message, value=str(path), remedy="Set buffer.path to a shorter path."
        ) from error


def ask(path: Path, timeout_s: float = 5.0) -> str | None:
    """The running agent's answer; None where none is running."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(path))
            parts = bytearray()
            while (part := connection.recv(65_536)) and len(parts) < ANSWER_MAX_BYTES:
                parts += part
        except OSError:
            return None
    return parts.decode() or None
