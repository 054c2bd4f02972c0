"""What processes say of themselves over HTTP: `/live`, `/ready` and `/metrics`.

Live is a process that answers: one that does not is to be started anew. Ready is one that can do
its work: what keeps it from that passes, or somebody has to mend it; to start anew helps nobody.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog

from central.adapters.timescale.fitness import FitCheck
from central.adapters.timescale.pool import Pool
from central.config.health import HealthSettings
from central.service.ports.faults import StoreUnfitError
from firmware_bridge.contract.errors import ConfigurationError, MeterlineError
from firmware_bridge.figures import Figure, Histogram, expose
from firmware_bridge.plain_http import JSON, PlainAnswer, serve_plain

_log = structlog.get_logger(__name__)
_ANSWER_S: Final = 3.0
_FRESH_S: Final = 1.0
OK: Final = "ok"


class HealthPortError(ConfigurationError):
    """The port on which a process says how it is cannot be had."""

    code = "HEALTH_PORT"
    default_remedy = "Set METERLINE_HEALTH_PORT to a free port, another for each process."


class Readiness:
    """Whether a process can work, and what keeps it from that.

    Args:
        pool: Of the process.
        others: What it needs besides: name, and whether it is there.
    """

    def __init__(self, pool: Pool, others: Mapping[str, Callable[[], bool]]) -> None:
        self._fit = FitCheck(pool)
        self._others = others
        self._asking = asyncio.Lock()
        self._last: tuple[float, dict[str, str]] | None = None

    async def checks(self) -> dict[str, str]:
        """`ok`, or what is wrong, by the name of what was looked at; a second old at most."""
        loop = asyncio.get_running_loop()
        async with self._asking:
            if self._last is None or loop.time() - self._last[0] > _FRESH_S:
                self._last = loop.time(), await self._ask()
            return self._last[1]

    async def _ask(self) -> dict[str, str]:
        checks = {"database": OK, "schema": OK}
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self._fit()
        except StoreUnfitError as error:
            checks["schema"] = f"{error.code}: {error.message}"
        except MeterlineError as error:
            checks |= {"database": f"{error.code}: {error.message}", "schema": "unknown"}
        except TimeoutError:
            late = f"STORE_UNAVAILABLE: The database did not answer within {_ANSWER_S:g} s."
            checks |= {"database": late, "schema": "unknown"}
        away = {name: "not connected" for name, is_there in self._others.items() if not is_there()}
        return checks | dict.fromkeys(self._others, OK) | away


@asynccontextmanager
async def saying_health(
    settings: HealthSettings,
    readiness: Readiness,
    program: str,
    figures: Callable[[], Sequence[Figure | Histogram]] = tuple,
) -> AsyncIterator[None]:
    """Say how the process is while the block runs, where the settings name a port.

    Args:
        settings: Where.
        readiness: What is asked.
        program: Prefix of the names of figures.
        figures: Of the moment.

    Raises:
        HealthPortError: The port is unavailable.
    """
    if settings.health_port is None:
        yield
        return

    async def live() -> PlainAnswer:
        return PlainAnswer(json.dumps({"status": "live"}), JSON)

    async def ready() -> PlainAnswer:
        checks = await readiness.checks()
        is_ready = all(text == OK for text in checks.values())
        body = json.dumps({"status": "ready" if is_ready else "not ready", **checks})
        return PlainAnswer(body, JSON, "200 OK" if is_ready else "503 Service Unavailable")

    async def metrics() -> PlainAnswer:
        checks = await readiness.checks()
        ready_figures = [
            Figure(
                "ready",
                "1 while what is named is fit to work with.",
                float(text == OK),
                labels={"check": name},
            )
            for name, text in checks.items()
        ]
        return PlainAnswer(expose([*ready_figures, *figures()], program))

    host, port = settings.health_host, settings.health_port
    try:
        server = await serve_plain(
            host, port, {"/live": live, "/ready": ready, "/metrics": metrics}
        )
    except OSError as error:
        message = f"The address {host}, port {port}, is unavailable: {error.strerror}."
        raise HealthPortError(message, value=port) from error
    port = server.sockets[0].getsockname()[1]
    _log.info("health_answered", host=host, port=port)
    async with server:
        yield
