"""Running the web application on a socket of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Self, cast

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from central.api.connection import Connection, Patience
from central.api.settings import LOOPBACK_PROXIES, WebSettings
from central.service.operator.services import OperatorServices
from firmware_bridge.contract.errors import ConfigurationError, EnvironmentFaultError

REFRESH_EVERY_S = 20.0
DRAIN_S = 5
PATIENCE = Patience()
_log = structlog.get_logger(__name__)


class AddressTakenError(ConfigurationError):
    """Something else listens on the address, or it is not one of this machine."""

    code = "ADDRESS_TAKEN"


def listen(settings: WebSettings) -> socket.socket:
    """A socket that listens where the settings say.

    Raises:
        AddressTakenError: The address is unavailable.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host.strip("[]"), settings.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        message = (
            f"The address {settings.host}, port {settings.port}, is unavailable: {error.strerror}."
        )
        raise AddressTakenError(message, value=settings.port) from error
    listener.setblocking(False)
    return listener


@asynccontextmanager
async def serving(
    app: FastAPI, services: OperatorServices, settings: WebSettings, patience: Patience = PATIENCE
) -> AsyncIterator[str]:
    """Serve an application while the block runs; gives its address.

    Signals stay the caller's. Leaving lets open requests end, for a few seconds at most.

    Args:
        app: From `create_app`.
        services: The same as the application's; what pages count is kept up to date meanwhile.
        settings: Where to listen.
        patience: How long and how much a connection is given.

    Raises:
        AddressTakenError: The address is unavailable.
    """
    listener = listen(settings)
    server = QuietServer.of(app, patience, settings.trusted_proxies)
    host, port = listener.getsockname()[:2]
    running = asyncio.create_task(server.serve(sockets=[listener]))
    refreshing = asyncio.create_task(keep_fresh(services))
    try:
        await server.ready(running)
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        refreshing.cancel()
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await refreshing
        await running
        await app.state.background.cancel()
        listener.close()


class QuietServer(uvicorn.Server):
    """A server that leaves signals to whoever started it."""

    @classmethod
    def of(
        cls,
        app: ASGIApp,
        patience: Patience = PATIENCE,
        trusted_proxies: Sequence[str] = LOOPBACK_PROXIES,
    ) -> Self:
        """A server of an application.

        Args:
            app: What answers.
            patience: How long and how much a connection is given.
            trusted_proxies: Whose word counts on who asks, and whether by TLS.
        """
        # It is called as the class would be.
        connection = cast("type[asyncio.Protocol]", partial(Connection, patience))
        config = uvicorn.Config(
            app,
            http=connection,
            ws="none",
            h11_max_incomplete_event_size=patience.head_bytes,
            timeout_keep_alive=patience.keep_alive_s,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=list(trusted_proxies),
            timeout_graceful_shutdown=DRAIN_S,
        )
        return cls(config)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield

    async def ready(self, running: asyncio.Task[None]) -> None:
        """Wait until connections are taken."""
        while not self.started:
            if running.done():
                await running
            await asyncio.sleep(0.01)


async def keep_fresh(services: OperatorServices, every_s: float = REFRESH_EVERY_S) -> None:
    """Bring the counts of silent meters up to date, for ever."""
    while True:
        try:
            await services.field.refresh(services.clock())
        except EnvironmentFaultError as error:
            _log.warning("overview_not_refreshed", reason=error.message)
        await asyncio.sleep(every_s)
