"""Setting a damaged file aside: never deleted, and taken up again after a power cut at any moment.

How it works. The damaged file and its log get a name under which they wait for their salvage
(`<file>.damaged`), the log first, each rename synchronised before the next step. Once what is good
in them is committed to a new file, they get their last name (`<file>.damaged-<time>`). So whoever
opens the buffer sees what is left to do: a log that waits alone waits for its file; a file that
waits is salvaged, unless the new file has its epochs, for then that is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path

from edge_agent.errors import BufferUnavailableError
from firmware_bridge.durable_file import sync_folder

_LOG = "-wal"


def begin(path: Path) -> None:
    """Put a damaged file and its log where they wait for their salvage, durably.

    Raises:
        BufferUnavailableError: The folder takes no changes; to be begun again.
    """
    with _explained(path):
        _move_file(path, _unfinished(path) or _move_log(path))


def waiting(path: Path) -> list[Path]:
    """The files that wait for their salvage, oldest first; what a power cut interrupted is done.

    Raises:
        BufferUnavailableError: The folder takes no changes.
    """
    with _explained(path):
        if half := _unfinished(path):
            _move_file(path, half)
        return [name for name in _names(path) if name.exists()]


def last_name(path: Path, now: datetime) -> Path:
    """A free name for a file that was salvaged."""
    stem = f"{path.name}.damaged-{now:%Y%m%dT%H%M%S}"
    names = (path.with_name(stem + (f"-{n}" if n > 1 else "")) for n in count(1))
    return next(name for name in names if not name.exists() and not _log_of(name).exists())


def finish(path: Path, now: datetime) -> None:
    """What waited is salvaged: give it its last name.

    Raises:
        BufferUnavailableError: The folder takes no changes; harmless, and done at the next start.
    """
    with _explained(path):
        for name in waiting(path):
            last = last_name(path, now)
            if _log_of(name).exists():
                _log_of(name).rename(_log_of(last))
                sync_folder(path.parent)
            # Left by whoever read the log.
            name.with_name(name.name + "-shm").unlink(missing_ok=True)
            name.rename(last)
            sync_folder(path.parent)


def _names(path: Path) -> Iterator[Path]:
    """Names under which something waits, whole or in part."""
    for number in count(1):
        name = _name(path, number)
        if not name.exists() and not _log_of(name).exists():
            return
        yield name


def _name(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.damaged" + (f".{number}" if number > 1 else ""))


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + _LOG)


def _unfinished(path: Path) -> Path | None:
    """Where a log waits for its file."""
    return next((name for name in _names(path) if not name.exists() and path.exists()), None)


def _move_log(path: Path) -> Path:
    name = _name(path, sum(1 for _ in _names(path)) + 1)
    if _log_of(path).exists():
        _log_of(path).rename(_log_of(name))
        # A file that came to be found without its log would pass for a sound, older one.
        sync_folder(path.parent)
    return name


def _move_file(path: Path, name: Path) -> None:
    if path.exists():
        path.rename(name)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"The damaged buffer {path} cannot be set aside: {error.strerror}."
        raise BufferUnavailableError(
            message,
            value=str(path),
            remedy="Check its folder's permissions, the mount and the disk.",
        ) from error
