"""A small map that survives a power cut at any moment, in two copies: the old one, or the new."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from edge_agent.remote.errors import RemoteStateDamagedError, RemoteStateUnwritableError
from firmware_bridge.contract import codec
from firmware_bridge.contract.errors import MessageError
from firmware_bridge.durable_file import write_durably

_HASH_BYTES: Final = 32


class StateFile:
    """A map that survives, in two copies with a hash each.

    Args:
        path: The first copy; the second stands beside it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._copies = (path, path.with_name(path.name + ".copy"))

    def load(self) -> dict[str, Any] | None:
        """What was saved last; None where nothing ever was.

        Raises:
            RemoteStateDamagedError: No copy is whole.
        """
        there = [copy for copy in self._copies if copy.exists()]
        for fields in map(_read, there):
            if fields is not None:
                return fields
        if not there:
            return None
        message = f"Both copies of {self.path} are damaged."
        remedy = "Remove both. The gateway then accepts the next message, whatever its version."
        raise RemoteStateDamagedError(message, value=str(self.path), remedy=remedy)

    def save(self, fields: dict[str, object]) -> None:
        """Keep a map; it is on the disk when this returns.

        Raises:
            RemoteStateUnwritableError: It may not be; what was saved before is, or this.
        """
        packed = codec.pack(fields)
        with self._explained():
            for copy in self._copies:
                write_durably(copy, hashlib.sha256(packed).digest() + packed)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"{self.path} cannot be written: {error.strerror}."
            raise RemoteStateUnwritableError(message, value=str(self.path)) from error


def _read(path: Path) -> dict[str, Any] | None:
    try:
        data = path.read_bytes()
        packed = data[_HASH_BYTES:]
        if hashlib.sha256(packed).digest() != data[:_HASH_BYTES]:
            return None
        fields = codec.unpack(packed)
    except (OSError, MessageError):
        return None
    return fields if isinstance(fields, dict) else None
