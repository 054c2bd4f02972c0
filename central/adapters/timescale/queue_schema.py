"""The queue's own tables: the migrations that its library ships, in a schema of their own.

They follow Meterline's own migrations, in the order of their names, each in a transaction; what the
application may do there is in `queue_schema.sql`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from firmware_bridge.contract.errors import ConfigurationError

QUEUE_SCHEMA = "meterline_jobs"
_LIBRARY = "procrastinate"


class QueueLibraryError(ConfigurationError):
    """The queue's library is missing, or is another than the one that migrated the database."""

    code = "QUEUE_LIBRARY"
    default_remedy = "Install what `requirements/central.txt` of this release names."


@dataclass(frozen=True, slots=True)
class QueueMigration:
    """One step of the library.

    Args:
        name: Of its file, without the suffix; they sort by it.
        script: The SQL, for a session whose search path is the queue's schema.
        sha256: Of `script`, in hex.
    """

    name: str
    script: str
    sha256: str


@cache
def queue_migrations() -> tuple[QueueMigration, ...]:
    """The steps that the installed library ships, in order.

    Raises:
        QueueLibraryError: It is not installed.
    """
    steps = []
    for path in _files():
        script = path.read_text(encoding="utf-8")
        digest = hashlib.sha256(script.encode()).hexdigest()
        steps.append(QueueMigration(path.stem, script, digest))
    return tuple(steps)


def newest_queue_step() -> str:
    """The name of the last step.

    Raises:
        QueueLibraryError: The library is not installed.
    """
    return _files()[-1].stem


def queue_rights() -> str:
    """The SQL that says what the application may do in the queue's schema."""
    return Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")


def missing_steps(applied: Mapping[str, str]) -> tuple[QueueMigration, ...]:
    """The steps that a database lacks, in order.

    Args:
        applied: Its steps: SHA-256 by name.

    Raises:
        QueueLibraryError: It has a step that the library lacks, or that reads otherwise there.
    """
    shipped = {step.name: step.sha256 for step in queue_migrations()}
    for name, digest in sorted(applied.items()):
        if shipped.get(name) != digest:
            message = f"The queue's migration {name} is applied, but the library has another."
            raise QueueLibraryError(message, value=name)
    return tuple(step for step in queue_migrations() if step.name not in applied)


@cache
def _files() -> tuple[Path, ...]:
    spec = find_spec(_LIBRARY)  # imports nothing: every command asks which step is the newest
    files = () if spec is None else _shipped(spec.origin)
    if not files:
        message = f"The library {_LIBRARY}, which hands jobs to workers, is not installed."
        raise QueueLibraryError(message, value=_LIBRARY)
    return files


def _shipped(origin: str | None) -> tuple[Path, ...]:
    if origin is None:
        return ()
    return tuple(sorted((Path(origin).parent / "sql" / "migrations").glob("*.sql")))
