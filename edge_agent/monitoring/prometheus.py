"""The agent's figures for Prometheus, on loopback, in its text format (version 0.0.4).

Everything is asked at the moment of a scrape; nothing is written for it, since a card wears out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.errors import MetricsPortError

HOST: Final = "127.0.0.1"
REQUEST_MAX_BYTES: Final = 8_192
REQUEST_TIMEOUT_S: Final = 5.0
DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric.

    Args:
        name: Without the prefix; its unit is in it.
        help: One sentence.
        value: None where it is not known; then it is left out, for a zero would be believed.
        counter: Whether it only rises.
    """

    name: str
    help: str
    value: float | None
    counter: bool = False


def expose(figures: Sequence[Figure]) -> str:
    """The figures as Prometheus reads them."""
    lines: list[str] = []
    for figure in figures:
        if figure.value is None:
            continue
        name = f"meterline_edge_{figure.name}"
        kind = "counter" if figure.counter else "gauge"
        lines += [f"# HELP {name} {figure.help}", f"# TYPE {name} {kind}"]
        lines.append(f"{name} {figure.value:.10g}")
    return "\n".join(lines) + "\n"


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that this share of them does not exceed; None of none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None


def a_day(amount: float, elapsed_s: float) -> float | None:
    """An amount in some time as an amount a day; None while the time is too short to say."""
    return amount / elapsed_s * DAY_S if elapsed_s >= 1.0 else None


def days_to_full(free_bytes: int, grown_bytes: float, elapsed_s: float) -> float | None:
    """When the disk is full at the pace the buffer grows, in days; None if it does not grow."""
    pace = a_day(grown_bytes, elapsed_s)
    return None if pace is None or pace <= 0 else free_bytes / pace


async def serve_metrics(port: int, answer: Callable[[], Awaitable[str]]) -> asyncio.Server:
    """Answer `GET /metrics` on loopback; anything else is not found.

    Args:
        port: TCP port on 127.0.0.1; 0 takes a free one.
        answer: Gives the text at the moment.

    Raises:
        MetricsPortError: The port is taken.
    """

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                request = await reader.readuntil(b"\r\n\r\n")
                found = request.split(b" ", 2)[:2] == [b"GET", b"/metrics"]
                body = (await answer()).encode() if found else b"Not found\n"
                status = "200 OK" if found else "404 Not Found"
                head = (
                    f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\n"
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

    try:
        return await asyncio.start_server(respond, HOST, port, limit=REQUEST_MAX_BYTES)
    except OSError as error:
        message = f"The metrics port {HOST}:{port} is unavailable: {error.strerror}."
        raise MetricsPortError(
            message, value=port, remedy="Set metrics.port to a free port."
        ) from error
