"""Traces of a process, where the settings name a collector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from central.config.health import HealthSettings
from central.service.tracing import traced_by
from firmware_bridge.contract.errors import ConfigurationError


class TracesUnavailableError(ConfigurationError):
    """A collector is named, but what sends traces is not installed."""

    code = "TRACES_UNAVAILABLE"
    default_remedy = "Install `meterline[traces]`, or remove METERLINE_TRACES_ENDPOINT."


@asynccontextmanager
async def tracing(settings: HealthSettings, service: str) -> AsyncIterator[None]:
    """Send spans of what is done within to the collector of the settings, if they name one.

    Args:
        settings: With the collector.
        service: What the spans are of, such as `meterline-ingest`.

    Raises:
        TracesUnavailableError: What sends them is not installed.
    """
    if settings.traces_endpoint is None:
        yield
        return
    try:
        from central.adapters.traces import OtlpTracer  # noqa: PLC0415 - only where it is asked for
    except ModuleNotFoundError as error:
        message = f"What sends traces is not installed: {error.name} is missing."
        raise TracesUnavailableError(message) from error
    endpoint, ratio = settings.traces_endpoint, settings.traces_ratio
    tracer = OtlpTracer(endpoint, service, version("meterline"), ratio)
    try:
        with traced_by(tracer):
            yield
    finally:
        await asyncio.to_thread(tracer.close)
