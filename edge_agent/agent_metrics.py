"""What is measured of a running agent, gathered at the moment of a scrape."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.records import WITHHELD, event_counts
from edge_agent.clock import Clock, kernel_offset_s
from edge_agent.monitoring.health import age_s
from edge_agent.monitoring.prometheus import Figure, a_day, days_to_full, percentile
from edge_agent.polling.meter_set import MeterSet
from edge_agent.polling.poller import Poller
from edge_agent.polling.stamping import wrong_clocks
from edge_agent.reconfigure import ConfigurationStatus, Reloader
from firmware_bridge.contract.event import ABOUT_CLOCKS
from firmware_bridge.contract.reading import TimeQuality

_IO: Final = Path("/proc/self/io")
_REGISTER: Final = "What registers did besides counting up"


class Gauge:
    """Figures since the agent began.

    Args:
        buffer: Open.
        meter_set: The meters.
        reloader: For how the configuration stands.
        poller: For what it saw of the clock.
        clock: For ages and paces.
    """

    def __init__(
        self, buffer: Buffer, meter_set: MeterSet, reloader: Reloader, poller: Poller, clock: Clock
    ) -> None:
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
            Figure("connected", "Whether the broker is connected.", float(connected)),
            Figure("backlog_batches", "Batches not acknowledged by the centre.", buffer.backlog),
            Figure("oldest_unacknowledged_seconds", "Age of the oldest of them.", oldest or 0.0),
            Figure("disk_free_bytes", "Room on the buffer's disk.", free),
            Figure(
                "days_to_full",
                "Until that is used up, at the pace the buffer grew since the start.",
                days_to_full(free, grown, elapsed),
            ),
            Figure("disk_short", "Whether the disk is nearly full.", float(buffer.engine.short)),
            Figure(
                "disk_failing", "Whether the disk takes no writes.", float(buffer.engine.failing)
            ),
            Figure(
                "commit_p99_seconds",
                "99 of 100 of the last 1,000 commits were quicker.",
                percentile(buffer.engine.commit_s, 0.99),
            ),
            Figure(
                "written_bytes_per_day",
                "Bytes written to disks, at the pace since the start.",
                None if wrote is None else a_day(wrote, elapsed),
            ),
            Figure(
                "bad_frames_total",
                "Answers of meters that could not be decoded.",
                self._meter_set.bad_frames,
                counter=True,
            ),
            *_events(buffer),
            *_configuration(self._reloader.standing),
            Figure("clock_offset_seconds", "By the kernel's word.", kernel_offset_s()),
            Figure(
                "clock_synchronised",
                "Whether the clock is known to be right.",
                float(self._clock.quality() is TimeQuality.SYNCHRONISED),
            ),
            Figure(
                "clock_steps_total",
                "Jumps of the wall clock that were noticed.",
                self._poller.clock_steps,
                counter=True,
            ),
            Figure(
                "held_readings",
                "Readings that wait for the clock to be right.",
                await buffer.waiting_count(),
            ),
        )


def _events(buffer: Buffer) -> tuple[Figure, ...]:
    counts = event_counts(buffer.marks)
    withheld = counts.pop(WITHHELD)
    clocks = {kind.name.lower(): counts.pop(kind.name.lower()) for kind in sorted(ABOUT_CLOCKS)}
    return (
        *(
            Figure(f"meter_{kind}_total", f"Of meters' clocks: {kind}.", count, counter=True)
            for kind, count in clocks.items()
        ),
        Figure("meter_clocks_wrong", "Meters whose clock is wrong.", wrong_clocks(buffer.marks)),
        *(
            Figure(f"register_{kind}_total", f"{_REGISTER}: {kind}.", count, counter=True)
            for kind, count in counts.items()
        ),
        Figure(
            "register_events_withheld_total",
            "Those that were not sent, since the register had too many that day.",
            withheld,
            counter=True,
        ),
    )


def _configuration(standing: ConfigurationStatus) -> tuple[Figure, ...]:
    return (
        Figure(
            "configurations_applied_total",
            "Configurations put in force, the first included.",
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
            "Whether the last one was refused, so that an older one is in force.",
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
