"""Running the web application on a socket of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from central.api.settings import WebSettings
from central.service.desk import Desk
from firmware_bridge.contract.errors import ConfigurationError, EnvironmentFaultError

REFRESH_EVERY_S = 20.0
DRAIN_S = 5
_LOG = structlog.get_logger(__name__)


class AddressTakenError(ConfigurationError):
    """Something else listens on the address, or it is not one of this machine."""

    code = "ADDRESS_TAKEN"


def listen(settings: WebSettings) -> socket.socket:
    """A socket that listens where the settings say.

    Raises:
        AddressTakenError: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host.strip("[]"), settings.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        message = f"Cannot listen on {settings.host}, port {settings.port}: {error.strerror}."
        raise AddressTakenError(message, value=settings.port) from error
    listener.setblocking(False)
    return listener


@asynccontextmanager
async def serving(app: FastAPI, desk: Desk, settings: WebSettings) -> AsyncIterator[str]:
    """Serve an application while the block runs; gives its address.

    Signals stay the caller's. Leaving lets open requests end, for a few seconds at most.

    Args:
        app: From `create_app`.
        desk: The same as the application's; what pages count is kept up to date meanwhile.
        settings: Where to listen.

    Raises:
        AddressTakenError: The address cannot be had.
    """
    listener = listen(settings)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = _QuietServer(config)
    host, port = listener.getsockname()[:2]
    running = asyncio.create_task(server.serve(sockets=[listener]))
    refreshing = asyncio.create_task(keep_fresh(desk))
    try:
        await server.ready(running)
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        refreshing.cancel()
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await refreshing
        await running
        listener.close()


class _QuietServer(uvicorn.Server):
    """A server that leaves signals to whoever started it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def ready(self, running: asyncio.Task[None]) -> None:
        """Wait until connections are taken."""
        while not self.started:
            if running.done():
                await running
            await asyncio.sleep(0.01)


async def keep_fresh(desk: Desk, every_s: float = REFRESH_EVERY_S) -> None:
    """Bring the counts of silent meters up to date, for ever."""
    while True:
        try:
            await desk.field.refresh(desk.clock())
        except EnvironmentFaultError as error:
            _LOG.warning("overview not refreshed", reason=error.message)
        await asyncio.sleep(every_s)
