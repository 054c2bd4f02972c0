"""What a program did to the files of one folder, in order, and what it said of itself meanwhile.

A trace can be kept in a file, as tests/vectors/power-cut.zst: for machines where nothing can be
recorded. `python -m tests.support.power_cut.keep` makes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, TypeAlias

import msgpack
import zstandard


@dataclass(frozen=True, slots=True)
class Create:
    """A new file under a name."""

    name: str
    file: int


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes in a file."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """A file's size: cut off, or grown with zeros."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """fsync or fdatasync of a file that succeeded."""

    file: int


@dataclass(frozen=True, slots=True)
class Rename:
    """A name becomes another, in place of what had that one."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Unlink:
    """A name goes."""

    name: str


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """fsync of the folder."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something the program said; nothing that a disk would know."""

    said: dict[str, Any]

    @classmethod
    def read(cls, line: bytes) -> Mark:
        """From what it wrote."""
        return cls(json.loads(line))


Operation: TypeAlias = Create | Write | Resize | Sync | Rename | Unlink | SyncFolder | Mark
Trace: TypeAlias = Sequence[Operation]

_KINDS: dict[str, type[Operation]] = {
    kind.__name__: kind for kind in (Create, Write, Resize, Sync, Rename, Unlink, SyncFolder, Mark)
}


def pack(trace: Trace) -> bytes:
    """For a file."""
    rows = [[type(operation).__name__, *astuple(operation)] for operation in trace]
    return zstandard.ZstdCompressor(level=19).compress(msgpack.packb(rows))


def unpack(data: bytes) -> Trace:
    """From a file."""
    rows = msgpack.unpackb(zstandard.ZstdDecompressor().decompress(data))
    return [_KINDS[kind](*fields) for kind, *fields in rows]
