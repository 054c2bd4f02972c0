"""The agent's figures for Prometheus, on loopback, in its text format (version 0.0.4).

Everything is asked at the moment of a scrape; nothing is written for it, since a card wears out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from edge_agent.errors import MetricsPortError
from firmware_bridge.plain_http import PlainAnswer, serve_plain

HOST: Final = "127.0.0.1"
DAY_S: Final = 86_400.0


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

    async def metrics() -> PlainAnswer:
        return PlainAnswer(await answer())

    try:
        return await serve_plain(HOST, port, {"/metrics": metrics})
    except OSError as error:
        message = f"The metrics port {HOST}:{port} is unavailable: {error.strerror}."
        raise MetricsPortError(
            message, value=port, remedy="Set metrics.port to a free port."
        ) from error
