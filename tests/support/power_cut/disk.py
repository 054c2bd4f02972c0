"""What a disk may hold after the power went: any mixture that no fsync has ruled out.

A file is what was synchronised last, and a list of changes since. Each of its sectors may show any
of its states since then, each on its own; so may its size; new sectors that were never written may
be zeros, or noise. Cutting a file off happens as a whole or not at all. Names are the same: those
of the last fsync of the folder, and any of the changes since whose own forerunners (those of the
same name) happened too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import TypeAlias

from tests.support.power_cut.trace import (
    Create,
    Operation,
    Rename,
    Resize,
    Sync,
    SyncFolder,
    Unlink,
    Write,
)

SECTOR_BYTES = 512
PAGE_BYTES = 4096

Entry: TypeAlias = Create | Rename | Unlink


class Manner(StrEnum):
    """How the changes since the last fsync fared."""

    ALL = "all"  # as after kill -9
    NONE = "none"
    IN_ORDER = "in order"  # up to some write, which is torn
    SECTORS = "sectors"  # 512 bytes each on their own
    PAGES = "pages"  # 4 KiB each on their own
    FILES = "files"  # each file as a whole on its own
    GROWN = "grown"  # sizes are there, of what stands in between a part
    NOISE = "noise"  # as SECTORS, and new sectors that were not written are noise


@dataclass
class _File:
    synced: bytes = b""
    changes: list[Write | Resize] = field(default_factory=list)

    def sync(self) -> None:
        self.synced = self.after(len(self.changes))
        self.changes.clear()

    def after(self, count: int | None) -> bytes:
        """With its first changes; None for all."""
        data = bytearray(self.synced)
        for change in self.changes[:count]:
            apply(change, data)
        return bytes(data)


def apply(change: Write | Resize, data: bytearray) -> None:
    """Do to a file's bytes what a call did."""
    end = change.offset + len(change.data) if isinstance(change, Write) else change.size
    if end > len(data):
        data.extend(bytes(end - len(data)))
    if isinstance(change, Write):
        data[change.offset : end] = change.data
    else:
        del data[end:]


class Disk:
    """One flat folder.

    Args:
        honest: False forgets every fsync, as hardware does that lies; a test of the tests.
    """

    def __init__(self, *, honest: bool = True) -> None:
        self._honest = honest
        self._files: dict[int, _File] = {}
        self._names: dict[str, int] = {}
        self._entries: list[Entry] = []

    def do(self, operation: Operation) -> None:
        """Take the next operation of a trace."""
        if isinstance(operation, Create):
            self._files[operation.file] = _File()
            self._entries.append(operation)
        elif isinstance(operation, Rename | Unlink):
            self._entries.append(operation)
        elif isinstance(operation, Write | Resize):
            self._files[operation.file].changes.append(operation)
        elif isinstance(operation, Sync) and self._honest:
            self._files[operation.file].sync()
        elif isinstance(operation, SyncFolder) and self._honest:
            self._names = _renamed(self._names, self._entries)
            self._entries.clear()

    def cut(self, manner: Manner, random: Random) -> dict[str, bytes]:
        """What may be found when the power is back: names and contents."""
        entries = _surviving(self._entries, manner, random)
        names = _renamed(self._names, entries)
        # Files share the moment up to which all is there, where order is kept.
        share = random.random()
        return {
            name: _remains(self._files[file], manner, random, share)
            for name, file in sorted(names.items())
        }


def _renamed(names: dict[str, int], entries: Sequence[Entry]) -> dict[str, int]:
    after = dict(names)
    for entry in entries:
        if isinstance(entry, Create):
            after[entry.name] = entry.file
        elif isinstance(entry, Unlink):
            after.pop(entry.name, None)
        elif entry.old in after:
            after[entry.new] = after.pop(entry.old)
    return after


def _touched(entry: Entry) -> set[str]:
    return {entry.old, entry.new} if isinstance(entry, Rename) else {entry.name}


def _surviving(entries: Sequence[Entry], manner: Manner, random: Random) -> list[Entry]:
    if manner is Manner.ALL:
        return list(entries)
    if manner is Manner.NONE:
        return []
    if manner is Manner.IN_ORDER:
        return list(entries[: random.randint(0, len(entries))])
    chosen: list[Entry] = []
    lost: set[str] = set()
    for entry in entries:
        if random.random() < 0.5 or _touched(entry) & lost:
            lost |= _touched(entry)
        else:
            chosen.append(entry)
    return chosen


def _remains(file: _File, manner: Manner, random: Random, share: float) -> bytes:
    count = len(file.changes)
    if not count or manner is Manner.NONE:
        return file.synced
    if manner is Manner.ALL:
        return file.after(count)
    if manner is Manner.FILES:
        return file.after(random.choice((0, count)))
    if manner is Manner.IN_ORDER:
        return _torn(file, min(int(share * (count + 1)), count), random)
    file = _between_cuts(file, random)
    count = len(file.changes)
    step = PAGE_BYTES if manner is Manner.PAGES else SECTOR_BYTES
    bias = random.choice((0.1, 0.5, 0.9))
    size = len(file.after(count if manner is Manner.GROWN else random.randint(0, count)))
    found = bytearray(file.synced[:size].ljust(size, b"\0"))
    for at, states in _versions(file, step):
        if random.random() < bias:
            found[at : at + step] = random.choice(states)
        elif manner is Manner.NOISE and at >= len(file.synced):
            found[at : at + step] = random.randbytes(step)
    return bytes(found[:size])


def _between_cuts(file: _File, random: Random) -> _File:
    """Cutting a file off is one step for a file system: before it or after it, never half."""
    found, size = _File(file.synced, []), len(file.synced)
    for change in file.changes:
        if isinstance(change, Resize) and change.size < size:
            if random.random() < 0.5:
                return found
            found = _File(_File(found.synced, [*found.changes, change]).after(None), [])
        else:
            found.changes.append(change)
        end = change.offset + len(change.data) if isinstance(change, Write) else change.size
        size = max(size, end) if isinstance(change, Write) else end
    return found


def _torn(file: _File, count: int, random: Random) -> bytes:
    data = bytearray(file.after(count))
    if count < len(file.changes):
        change = file.changes[count]
        if isinstance(change, Write):
            # Sectors lie where the file's offsets say, not where the write begins.
            end = change.offset + random.randint(0, len(change.data))
            end -= end % SECTOR_BYTES
            if end > change.offset:
                apply(Write(0, change.offset, change.data[: end - change.offset]), data)
    return bytes(data)


def _versions(file: _File, step: int) -> Iterator[tuple[int, list[bytes]]]:
    """Every part that changed since the last fsync, and what it was after each change."""
    data = bytearray(file.synced)
    states: dict[int, list[bytes]] = {}
    for change in file.changes:
        before = len(data)
        apply(change, data)
        if isinstance(change, Write):
            begin, end = change.offset, change.offset + len(change.data)
        else:
            begin, end = min(change.size, before), max(change.size, before)
        for at in range(begin - begin % step, end, step):
            state = bytes(data[at : at + step]).ljust(step, b"\0")
            states.setdefault(at, []).append(state)
    yield from sorted(states.items())


def lay_out(found: dict[str, bytes], folder: Path) -> None:
    """Make a folder as the disk holds it."""
    folder.mkdir()
    for name, data in found.items():
        with (folder / name).open("wb") as file:
            # What ends in zeros, as the reserve does, is made quickly.
            file.write(data.rstrip(b"\0"))
            file.truncate(len(data))
