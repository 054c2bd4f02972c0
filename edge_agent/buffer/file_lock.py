"""A lock that keeps a second agent out of a buffer."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from edge_agent.errors import BufferInUseError, BufferUnavailableError


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
            message = f"The lock file {name} cannot be created: {error.strerror}."
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
            raise BufferInUseError(
                message, value=str(path), remedy="Stop the other agent first."
            ) from error
        return cls(descriptor)

    def release(self) -> None:
        """Unlock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
