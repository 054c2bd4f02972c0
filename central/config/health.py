"""Where a process says how it is, what it does, and how it logs, from the environment."""

from __future__ import annotations

from pydantic import Field

from central.config.secret import FiledSettings


class HealthSettings(FiledSettings):
    """Where a process says how it is, what it does, and how it logs.

    Args:
        health_host: Address to listen on; whoever reaches it may ask.
        health_port: TCP port of `/live`, `/ready` and `/metrics`; none where nobody asks.
        log_json: Whether each line of the log is a JSON object.
        traces_endpoint: Where traces are sent to, by OTLP over HTTP; none where they are not.
        traces_ratio: Share of the traces that are sent.
    """

    health_host: str = "127.0.0.1"
    health_port: int | None = Field(default=None, ge=0, le=65_535)
    log_json: bool = False
    traces_endpoint: str | None = Field(default=None, pattern=r"^https?://[^\s/]+")
    traces_ratio: float = Field(default=1.0, ge=0, le=1)
