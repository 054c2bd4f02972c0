"""The web process: `python -m central.process.serve`, the pages and the API."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from central.adapters.documents.invoice import render_invoice
from central.adapters.timescale.fitness import check_fit
from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.failed_tokens import FailedTokens
from central.api.request_times import RequestTimes
from central.api.server import serving
from central.api.settings import WebSettings
from central.config.settings import Settings
from central.process.authority import gateway_claims
from central.process.door_figures import door_figures
from central.process.health import Readiness, saying_health
from central.process.keep_fit import keep_fit
from central.process.provider import provider_sign_ins
from central.process.services import timescale_services
from central.process.start import start
from central.process.traces import tracing
from central.service.ports.ingest import StoreUnavailableError
from firmware_bridge.figures import Figure, Histogram


async def run_serve(
    settings: Settings,
    host: str | None = None,
    port: int | None = None,
    *,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve the pages and the API until cancelled.

    Args:
        settings: Where the database is, and how the pages are reached.
        host: Address to listen on, in place of that of the settings.
        port: Port to listen on, likewise; 0 takes a free one.
        ready: Takes the address once it answers.

    Raises:
        AddressTakenError: The address is unavailable.
        ConfigurationError: No token on an address that others can reach.
        StoreUnfitError: The database is not one that this release can work with, or no longer.
    """
    web = web_settings(settings, host, port)
    with contextlib.suppress(StoreUnavailableError):  # the health endpoint says so until it is
        await check_fit(settings.dsn())
    limits = settings.limits
    async with make_pool(settings.dsn(), max_size=8, name="meterline-serve", limits=limits) as pool:
        claims = gateway_claims(settings, pool, _utc_now)
        anchors = settings.audit_anchor_file
        services = timescale_services(pool, render_invoice, _utc_now, anchors, claims)
        sign_ins = provider_sign_ins(settings, services.people, _utc_now)
        app = create_app(replace(services, provider_sign_ins=sign_ins), web)
        failed_tokens: FailedTokens = app.state.failed_tokens
        failed_claims: FailedTokens = app.state.failed_claims
        times: RequestTimes = app.state.request_times

        def figures() -> list[Figure | Histogram]:
            counted = (*failed_tokens.figures(), *failed_claims.figures())
            return [*times.figures(), *counted, *door_figures(settings, sign_ins)]

        async with (
            tracing(settings, "meterline-serve"),
            saying_health(settings, Readiness(pool, {}), "meterline_serve", figures),
            serving(app, services, web) as address,
        ):
            ready(address)
            await keep_fit(pool)


def web_settings(settings: Settings, host: str | None, port: int | None) -> WebSettings:
    """How the pages are reached, from the settings and what a command says instead.

    Raises:
        ConfigurationError: No token on an address that others can reach.
    """
    token, secret = settings.web_token, settings.web_secret
    web = WebSettings(
        host=host or settings.web_host,
        port=settings.web_port if port is None else port,
        token=None if token is None else token.get_secret_value(),
        trusted_proxies=settings.web_trusted_proxies,
        hosts=settings.web_hosts,
        requests_per_s=settings.web_requests_per_s,
    )
    if secret is not None:
        web = replace(web, secret=secret.get_secret_value().encode(), lasting_key=True)
    return web


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _print_address(address: str) -> None:
    print(f"Serving {address}", flush=True)  # noqa: T201 - as the command does


if __name__ == "__main__":
    start(Settings, partial(run_serve, ready=_print_address))
