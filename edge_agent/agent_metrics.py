"""What is measured of a running agent, gathered at the moment of a scrape."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.records import WITHHELD, event_counts
from edge_agent.clock import Clock
from edge_agent.monitoring.health import age_s
from edge_agent.monitoring.prometheus import a_day, days_to_full, percentile
from edge_agent.polling.meter_set import MeterSet
from edge_agent.polling.poller import Poller
from edge_agent.polling.refusal_log import RefusalLog
from edge_agent.polling.stamping import wrong_clocks
from edge_agent.reconfigure import ConfigurationStatus, Reloader
from firmware_bridge.contract.event import ABOUT_CLOCKS
from firmware_bridge.contract.reading import TimeQuality
from firmware_bridge.figures import Figure
from firmware_bridge.kernel_clock import kernel_offset_s

_IO: Final = Path("/proc/self/io")
_REGISTER: Final = "Register events"


class Gauge:
    """Figures since the agent began.

    Args:
        buffer: Open.
        meter_set: The meters.
        reloader: For how the configuration stands.
        poller: For what it saw of the clock.
        clock: For ages and paces.
        refusals: For what could not be read.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it measures
        self,
        buffer: Buffer,
        meter_set: MeterSet,
        reloader: Reloader,
        poller: Poller,
        clock: Clock,
        refusals: RefusalLog,
    ) -> None:
        self._refusals = refusals
        self._buffer = buffer
        self._meter_set = meter_set
        self._reloader = reloader
        self._poller = poller
        self._clock = clock
        self._began = clock.monotonic()
        self._written = written_bytes()
        self._size = _size(buffer.path)

    async def figures(self, *, connected: bool) -> tuple[Figure, ...]:
        """All of them, now.

        Raises:
            BufferUnavailableError: The buffer cannot be read.
        """
        buffer, elapsed = self._buffer, self._clock.monotonic() - self._began
        oldest = age_s(self._clock.wall(), await buffer.oldest_unacknowledged_ms())
        disk = os.statvfs(buffer.path.parent)
        free = disk.f_bavail * disk.f_frsize
        grown = _size(buffer.path) - self._size
        now = written_bytes()
        wrote = None if now is None or self._written is None else now - self._written
        return (
            Figure(
                "connected",
                "1 while the agent is connected to the broker, else 0.",
                float(connected),
            ),
            Figure(
                "backlog_batches", "Batches that the centre has not acknowledged.", buffer.backlog
            ),
            Figure(
                "oldest_unacknowledged_seconds",
                "Age of the oldest unacknowledged batch.",
                oldest or 0.0,
            ),
            Figure("disk_free_bytes", "Free space on the buffer's disk.", free),
            Figure(
                "days_to_full",
                "Days until the disk is full, at the buffer's rate of growth since the start.",
                days_to_full(free, grown, elapsed),
            ),
            Figure(
                "disk_short", "1 while the disk is nearly full, else 0.", float(buffer.engine.short)
            ),
            Figure(
                "disk_failing",
                "1 while writes to the disk fail, else 0.",
                float(buffer.engine.failing),
            ),
            Figure(
                "commit_p99_seconds",
                "99th percentile of the last 1,000 commits.",
                percentile(buffer.engine.commit_s, 0.99),
            ),
            Figure(
                "written_bytes_per_day",
                "Bytes written to disks per day, at the rate since the start.",
                None if wrote is None else a_day(wrote, elapsed),
            ),
            Figure(
                "bad_frames_total",
                "Answers of meters that were not valid.",
                self._meter_set.bad_frames,
                counter=True,
            ),
            *(
                Figure(
                    f"refused_{code.lower()}_total",
                    f"Telegrams and answers of meters that were refused: {code}.",
                    count,
                    counter=True,
                )
                for code, count in sorted(self._refusals.counts.items())
            ),
            *_events(buffer),
            *_configuration(self._reloader.standing),
            Figure(
                "clock_offset_seconds",
                "Offset of the clock that the kernel reports.",
                kernel_offset_s(),
            ),
            Figure(
                "clock_synchronised",
                "1 while the clock is synchronised, else 0.",
                float(self._clock.quality() is TimeQuality.SYNCHRONISED),
            ),
            Figure(
                "clock_steps_total",
                "Steps of the wall clock.",
                self._poller.clock_steps,
                counter=True,
            ),
            Figure(
                "held_readings",
                "Readings that wait for a synchronised clock.",
                await buffer.waiting_count(),
            ),
        )


def _events(buffer: Buffer) -> tuple[Figure, ...]:
    counts = event_counts(buffer.marks)
    withheld = counts.pop(WITHHELD)
    clocks = {kind.name.lower(): counts.pop(kind.name.lower()) for kind in sorted(ABOUT_CLOCKS)}
    return (
        *(
            Figure(f"meter_{kind}_total", f"Events of meters' clocks: {kind}.", count, counter=True)
            for kind, count in clocks.items()
        ),
        Figure("meter_clocks_wrong", "Meters with a wrong clock.", wrong_clocks(buffer.marks)),
        *(
            Figure(f"register_{kind}_total", f"{_REGISTER} detected: {kind}.", count, counter=True)
            for kind, count in counts.items()
        ),
        Figure(
            "register_events_withheld_total",
            "Register events not sent, because the register had too many that day.",
            withheld,
            counter=True,
        ),
    )


def _configuration(standing: ConfigurationStatus) -> tuple[Figure, ...]:
    return (
        Figure(
            "configurations_applied_total",
            "Configurations applied, the first one included.",
            standing.applied,
            counter=True,
        ),
        Figure(
            "configurations_refused_total",
            "Configurations that were refused.",
            standing.refused,
            counter=True,
        ),
        Figure(
            "configuration_refused",
            "1 if the last configuration was refused and an older one is in force, else 0.",
            float(standing.refusal is not None),
        ),
    )


def written_bytes() -> int | None:
    """Bytes that this process caused to be written to disks; None where the kernel does not say."""
    try:
        lines = _IO.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("write_bytes:")), None)


def _size(path: Path) -> int:
    return sum(
        file.stat().st_size for file in (path, path.with_name(path.name + "-wal")) if file.exists()
    )
