"""Apply a new configuration to a running agent.

How it works. `apply` checks everything first, and refuses by name what cannot be: then nothing has
changed. What it takes is put in place with the buffer open and every meter that is not concerned at
work. It does not matter where a configuration comes from: a file that is read again on SIGHUP, or
anybody else who has one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog

from edge_agent.buffer.buffer import Buffer
from edge_agent.clock import Clock
from edge_agent.config.settings import EdgeConfig
from edge_agent.errors import SettingFixedError
from edge_agent.monitoring.prometheus import serve_metrics
from edge_agent.polling.meter_set import MeterChanges, MeterSet
from edge_agent.uplink.mqtt import Uplink
from firmware_bridge.contract.errors import MeterlineError

_log = structlog.get_logger(__name__)

# They name the buffer's file, whose it is, and what its times mean, on which all of it hangs; and
# where certificates come from.
FIXED: Final = ("gateway", "buffer.path", "clock.source", "identity")


@dataclass(frozen=True, slots=True)
class Applied:
    """What a configuration changed; it is in force.

    Args:
        meters: Which came, went, or are no longer as they were.
        broker: Whether the uplink connects anew.
        metrics: Whether the figures moved to another port, began or ended.
    """

    meters: MeterChanges
    broker: bool = False
    metrics: bool = False

    def __str__(self) -> str:
        meters = self.meters
        parts = [
            *(f"{name} added" for name in meters.added),
            *(f"{name} changed" for name in meters.changed),
            *(f"{name} removed" for name in meters.removed),
            *(["broker changed"] if self.broker else []),
            *(["metrics changed"] if self.metrics else []),
        ]
        return ", ".join(parts) or "nothing changed"


@dataclass(frozen=True, slots=True)
class ReloadRefusal:
    """Why a configuration is not in force; the one before still is.

    Args:
        code: Stable.
        message: One sentence, and what to do.
    """

    code: str
    message: str

    @classmethod
    def of(cls, error: MeterlineError) -> ReloadRefusal:
        """The refusal that an error is."""
        return cls(error.code, str(error))


@dataclass(frozen=True, slots=True)
class ConfigurationStatus:
    """How the agent's configuration stands, for status and metrics.

    Args:
        since: When the one in force was applied, by the gateway's clock. ISO 8601, UTC.
        origin: Where it came from.
        applied: How often one was applied since the start, the first included.
        refused: How often one was refused.
        refusal: Of the last attempt, if it was refused.
        outcome: What the one in force changed.
    """

    since: str
    origin: str
    applied: int = 1
    refused: int = 0
    refusal: ReloadRefusal | None = None
    outcome: str = "nothing changed"

    @property
    def attempts(self) -> int:
        """How often a configuration came."""
        return self.applied + self.refused

    def table(self) -> dict[str, Any]:
        """As `status` shows it."""
        return {**asdict(self), "attempts": self.attempts}


def check_fixed(old: EdgeConfig, new: EdgeConfig) -> None:
    """Check that settings which cannot change at run time stay the same.

    Raises:
        SettingFixedError: Names the key, and says what to do.
    """
    for key in FIXED:
        before, after = _value(old, key), _value(new, key)
        if before != after:
            message = f"`{key}` cannot change from {before} to {after} while the agent runs."
            raise SettingFixedError(
                message, value=str(after), remedy="Restart the agent, or set it back."
            )


async def check_brokers(config: EdgeConfig) -> None:
    """Check that this gateway can use the certificates for each broker.

    Raises:
        BrokerTlsError: They cannot; CertificateNameError where they are another gateway's.
    """
    for broker in config.routes():
        await asyncio.to_thread(broker.tls_context)
        await asyncio.to_thread(broker.check_name, config.gateway)


class Reloader:
    """Puts configurations in place, one at a time.

    Args:
        config: In force.
        origin: Where it came from.
        meter_set: The meters, as it says.
        uplink: To the broker that it names.
        buffer: For the event log; stays open.
        clock: For stamping.
        answer: Gives the figures for Prometheus.
    """

    def __init__(  # noqa: PLR0913 - everything that a configuration reaches
        self,
        config: EdgeConfig,
        origin: str,
        *,
        meter_set: MeterSet,
        uplink: Uplink,
        buffer: Buffer,
        clock: Clock,
        answer: Callable[[], Awaitable[str]],
    ) -> None:
        self.config = config
        self.standing = ConfigurationStatus(clock.wall().isoformat(), origin)
        self._meter_set = meter_set
        self._uplink = uplink
        self._buffer = buffer
        self._clock = clock
        self._answer = answer
        self._figures: asyncio.Server | None = None
        self._turn = asyncio.Lock()

    async def begin(self) -> None:
        """Serve the metrics that the first configuration asks for.

        Raises:
            MetricsPortError: The port is taken.
        """
        self._figures = await self._serve(self.config.metrics.port)

    async def close(self) -> None:
        """Wait for a change under way, and serve no figures any more."""
        async with self._turn:
            self._close_figures()

    async def apply(self, config: EdgeConfig, origin: str) -> Applied | ReloadRefusal:
        """Put a configuration in force, or say why not; then everything is as it was.

        Args:
            config: All of it, not only what differs.
            origin: Where it came from, for status and logs.
        """
        # Half a change is none: it is carried to its end also where nobody waits for it any more.
        return await asyncio.shield(asyncio.ensure_future(self._apply_whole(config, origin)))

    async def _apply_whole(self, config: EdgeConfig, origin: str) -> Applied | ReloadRefusal:
        async with self._turn:
            try:
                applied = await self._apply(config)
            except MeterlineError as error:
                return self._refuse(ReloadRefusal.of(error), origin)
            self.config = config
            self._stand(origin, applied)
            return applied

    async def reload(self, read: Callable[[], EdgeConfig], origin: str) -> Applied | ReloadRefusal:
        """Read a configuration and apply it; one that cannot be read is refused likewise.

        Args:
            read: Gives it, or raises ConfigurationFileError.
            origin: Where from.
        """
        try:
            config = read()
        except MeterlineError as error:
            return self._refuse(ReloadRefusal.of(error), origin)
        return await self.apply(config, origin)

    async def _apply(self, config: EdgeConfig) -> Applied:
        before = self.config
        check_fixed(before, config)
        brokers = config.routes()
        moved = brokers != before.routes()
        if moved:
            await check_brokers(config)
        metrics = config.metrics.port != before.metrics.port
        figures = await self._serve(config.metrics.port) if metrics else self._figures
        try:
            meters = await self._meter_set.change(config.meters)
        except BaseException:
            if metrics and figures is not None:
                figures.close()
            raise
        if metrics:
            self._close_figures()
            self._figures = figures
        if moved:
            self._uplink.use(brokers)
        return Applied(meters, moved, metrics)

    def _close_figures(self) -> None:
        if self._figures is not None:
            self._figures.close()

    async def _serve(self, port: int | None) -> asyncio.Server | None:
        return None if port is None else await serve_metrics(port, self._answer)

    def _stand(self, origin: str, applied: Applied) -> None:
        now, standing = self._clock.wall(), self.standing
        self.standing = ConfigurationStatus(
            now.isoformat(), origin, standing.applied + 1, standing.refused, None, str(applied)
        )
        _log.info("configuration_applied", origin=origin, outcome=str(applied))
        self._note(now, "configuration_applied", f"From {origin}: {applied}.")

    def _refuse(self, refusal: ReloadRefusal, origin: str) -> ReloadRefusal:
        now, standing = self._clock.wall(), self.standing
        self.standing = replace(standing, refused=standing.refused + 1, refusal=refusal)
        _log.error(
            "configuration_refused", origin=origin, code=refusal.code, reason=refusal.message
        )
        self._note(now, "configuration_refused", f"From {origin}: {refusal.message}")
        return refusal

    def _note(self, now: datetime, code: str, detail: str) -> None:
        self._buffer.note(now, code, detail)


def _value(config: EdgeConfig, key: str) -> object:
    found: object = config
    for part in key.split("."):
        found = getattr(found, part)
    return found
