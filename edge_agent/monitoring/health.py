"""How the agent is doing: asked from the running agent, or read from the buffer file it left."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_agent.buffer import schema
from edge_agent.buffer.records import PRUNED, READ, VOIDED, ReadingCounts, event_counts
from edge_agent.errors import BufferUnavailableError
from firmware_bridge.contract.reading import from_ms

READ_MARK_PREFIX = "meter."
READ_MARK_SUFFIX = ".read_ms"


@dataclass(frozen=True, slots=True)
class MeterHealth:
    """One meter.

    Args:
        last_good_read: ISO 8601, UTC; None for never.
        failure: Code of the failure since; None where the last read was good or is not known.
    """

    last_good_read: str | None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """A snapshot.

    Args:
        gateway: Whose.
        running: Whether the agent answered, or only its file was read.
        at: When, by the gateway's clock. ISO 8601, UTC.
        connected: Whether the broker is connected; None if unknown.
        clock_quality: synchronised, holdover or unsynchronised; None if unknown.
        disk_short: The alarm; None if unknown.
        disk_failing: The alarm that it takes no writes; None if unknown.
        backlog: Unacknowledged batches.
        oldest_unacknowledged_s: Age of the oldest of them; None where there is none. [s]
        readings: By where they are; `reconcile` says whether every one is accounted for.
        meters: By name.
        pid: The agent's process, where it runs.
        broker_failure: Code of why the broker is unavailable; None if it is not, or unknown.
        broker: Which of the brokers it is, or is tried; None if unknown.
        events: How often registers did what besides counting up, by kind, ever.
        refused: What meters sent since the agent began and could not be read, the latest first.
        configuration: How the running one stands (`edge_agent.reconfigure`), else None.
        remote: How configurations and updates from the centre stand; None where none are taken.
        certificate: Until when the certificate holds, and why it was not renewed; None where the
            centre gives none, or unknown.
    """

    gateway: str
    running: bool
    at: str
    connected: bool | None
    clock_quality: str | None
    disk_short: bool | None
    disk_failing: bool | None
    backlog: int
    oldest_unacknowledged_s: float | None
    readings: dict[str, int | bool]
    meters: dict[str, MeterHealth]
    pid: int | None = None
    broker_failure: str | None = None
    broker: str | None = None
    events: dict[str, int] = field(default_factory=dict)
    refused: list[dict[str, Any]] = field(default_factory=list)
    configuration: dict[str, Any] | None = None
    remote: dict[str, Any] | None = None
    certificate: dict[str, Any] | None = None

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self), separators=(",", ":"))


def counts_table(counts: ReadingCounts) -> dict[str, int | bool]:
    """The counts, and whether they add up."""
    return {**asdict(counts), "reconcile": counts.reconcile}


def age_s(now: datetime, then_ms: int | None) -> float | None:
    """How long ago, by the gateway's clock, in seconds."""
    return None if then_ms is None else round((now - from_ms(then_ms)).total_seconds(), 3)


def meters_of(
    marks: Mapping[str, int], failures: Mapping[str, str | None]
) -> dict[str, MeterHealth]:
    """Every meter that was ever read or is configured."""
    names = {
        name[len(READ_MARK_PREFIX) : -len(READ_MARK_SUFFIX)]
        for name in marks
        if name.startswith(READ_MARK_PREFIX) and name.endswith(READ_MARK_SUFFIX)
    }
    return {
        name: MeterHealth(_iso(marks.get(f"meter.{name}.read_ms")), failures.get(name))
        for name in sorted(names | set(failures))
    }


def _iso(at_ms: int | None) -> str | None:
    return None if at_ms is None else from_ms(at_ms).isoformat()


def inspect_file(path: Path) -> Health:
    """Read a buffer file beside or without its agent, changing nothing.

    Raises:
        BufferUnavailableError: There is no buffer, or it cannot be read.
    """
    if not path.exists():
        message = f"The buffer {path} does not exist."
        raise BufferUnavailableError(
            message, value=str(path), remedy="Start the agent, or check buffer.path."
        )
    try:
        with closing(_open(path)) as connection:
            # One moment for all that is asked: an agent may be storing.
            connection.execute("BEGIN")
            return _inspect(connection)
    except sqlite3.Error as error:
        message = f"The buffer {path} cannot be read: {error}."
        raise BufferUnavailableError(
            message,
            value=str(error),
            remedy="Start the agent. It sets a damaged file aside and begins a new one.",
        ) from error


def kept_marks(path: Path) -> dict[str, int]:
    """The named numbers that a buffer keeps; none where there is no buffer yet.

    Args:
        path: Of the buffer.

    Raises:
        BufferUnavailableError: There is one, and it cannot be read.
    """
    try:
        if not path.exists():
            return {}
        with closing(_open(path)) as connection:
            return _marks(connection)
    except (OSError, sqlite3.Error) as error:
        message = f"The buffer {path} cannot be read: {error}."
        raise BufferUnavailableError(message, value=str(path)) from error


def _marks(connection: sqlite3.Connection) -> dict[str, int]:
    return {
        name: value
        for name, value, crc in connection.execute("SELECT name, value, crc FROM mark")
        if crc == schema.checksum(name, value)
    }


def _open(path: Path) -> sqlite3.Connection:
    # Without its log there is nothing that could change; then no shared-memory file is needed,
    # which a user who may only read could not make.
    alone = not path.with_name(path.name + "-wal").exists()
    if alone and not os.access(path.parent, os.W_OK):
        return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _inspect(connection: sqlite3.Connection) -> Health:
    now = datetime.now(UTC)

    def one(sql: str) -> tuple[Any, ...]:
        return tuple(connection.execute(sql).fetchone())

    (gateway,) = one("SELECT gateway FROM epoch ORDER BY ordinal DESC LIMIT 1")
    backlog, waiting, oldest = one(
        "SELECT count(*), coalesce(sum(count), 0), min(made_at_ms) FROM outbox "
        "WHERE state = 'unacked'"
    )
    (acknowledged,) = one("SELECT coalesce(sum(count), 0) FROM outbox WHERE state = 'acked'")
    (held,) = one("SELECT coalesce(sum(count), 0) FROM held")
    marks = _marks(connection)
    counts = ReadingCounts(
        read=marks.get(READ, 0),
        held=held,
        unacknowledged=waiting,
        acknowledged=acknowledged + marks.get(PRUNED, 0),
        voided=marks.get(VOIDED, 0),
    )
    return Health(
        gateway=gateway,
        running=False,
        at=now.isoformat(),
        connected=None,
        clock_quality=None,
        disk_short=None,
        disk_failing=None,
        backlog=backlog,
        oldest_unacknowledged_s=age_s(now, oldest),
        readings=counts_table(counts),
        meters=meters_of(marks, {}),
        events=event_counts(marks),
    )
