"""The space that lets a full disk be tidied up, and the lock that keeps a second agent out."""

from __future__ import annotations

import os
from pathlib import Path

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
        """1 while the disk is nearly full, else 0."""
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
