"""Where a process without pages says how it is, from the environment (`METERLINE_HEALTH_...`)."""

from __future__ import annotations

from pydantic import Field

from central.config.secret import FiledSettings


class HealthSettings(FiledSettings):
    """Where a process without pages says how it is.

    Args:
        health_host: Address to listen on; whoever reaches it may ask.
        health_port: TCP port of `/live`, `/ready` and `/metrics`; none where nobody asks.
    """

    health_host: str = "127.0.0.1"
    health_port: int | None = Field(default=None, ge=0, le=65_535)
