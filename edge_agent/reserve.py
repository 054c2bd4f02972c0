"""The space that lets a full disk be tidied up, and the lock that keeps a second agent out."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from edge_agent.errors import BufferInUseError, BufferUnavailableError

RESERVE_BYTES = 1024 * 1024
SHORT_BYTES = 8 * 1024 * 1024


class Reserve:
    """A file beside the buffer that only takes space.

    Deleting rows needs room for the write-ahead log. On a full disk the reserve is given up for it,
    and taken again once there is room.

    Args:
        path: The buffer file.
        size: Bytes to keep.
        short: Free bytes below which the disk counts as short.
    """

    def __init__(self, path: Path, size: int = RESERVE_BYTES, short: int = SHORT_BYTES) -> None:
        self._folder = path.parent
        self._path = path.with_name(path.name + ".reserve")
        self._size = size
        self._short = short

    def is_short(self) -> bool:
        """Whether the disk is nearly full."""
        return self._free() < self._short

    def keep(self) -> bool:
        """Take the reserve if there is room enough; whether it is there now."""
        if self._path.exists():
            return not self.is_short()
        if self._free() < self._size + self._short:
            return False
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
            finally:
                os.close(descriptor)
        except OSError:
            self.give_up()
            return False
        return True

    def give_up(self) -> None:
        """Free the reserve."""
        self._path.unlink(missing_ok=True)

    def _free(self) -> int:
        stat = os.statvfs(self._folder)
        return stat.f_bavail * stat.f_frsize


class FileLock:
    """An advisory lock on a file beside the buffer; the kernel drops it when the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path) -> FileLock:
        """Lock a buffer for this agent.

        Raises:
            BufferInUseError: Another agent has it.
            BufferUnavailableError: The folder is missing or cannot be written.
        """
        name = path.with_name(path.name + ".lock")
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            message = f"The lock {name} cannot be made: {error.strerror}."
            raise BufferUnavailableError(
                message,
                value=str(name),
                remedy="Create the folder and give the agent write access.",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            message = f"Another agent has the buffer {path} open."
            raise BufferInUseError(message, value=str(path), remedy="Stop it first.") from error
        return cls(descriptor)

    def release(self) -> None:
        """Unlock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
