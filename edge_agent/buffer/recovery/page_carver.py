"""Reading table rows straight from SQLite's pages, where SQLite itself gives the file up.

A flipped bit in the first page or in an interior one hides every row behind it, though the leaves
are intact. So all pages of the file, and of the write-ahead log, are looked at one by one: a leaf
of a table yields its cells. What a cell says is believed only by whoever can check it (a batch by
its SHA-256).

Source: https://www.sqlite.org/fileformat2.html, sections 1.6, 2.1 and 4.1
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from edge_agent.buffer.schema import PAGE_BYTES
from edge_agent.buffer.wal import FRAME_HEADER_BYTES, HEADER_BYTES

Value: TypeAlias = int | float | str | bytes | None
Page: TypeAlias = Callable[[int], bytes]

_LEAF_TABLE = 0x0D
_LEAF_INDEX = 0x0A
_FILE_HEADER = 100
_VARINT_MAX = 9
# A batch is at most 64 KiB; a longer record is no row of ours.
_RECORD_MAX = 128 * 1024
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


@dataclass(frozen=True, slots=True)
class Cell:
    """A row as it stands in a page.

    Args:
        number: The row's number; 0 in a table without.
        row: Its columns.
        current: Whether the page is the newest of its number; an older one may hold what is gone.
    """

    number: int
    row: tuple[Value, ...]
    current: bool


def carve(path: Path) -> Iterator[Cell]:
    """Every table cell that can be read, log first.

    Tables without row numbers are read as far as their rows lie within one page.

    Args:
        path: A database file; `<path>-wal` is read too, where there is one.
    """
    log = path.with_name(path.name + "-wal")
    with path.open("rb") as file:
        overlay = _log_pages(log)
        for data in overlay.values():
            yield from _cells(data, 0, _reader(file, overlay), current=True)
        size = path.stat().st_size
        for number in range(1, size // PAGE_BYTES + 1):
            page = _reader(file, {})(number)
            start = _FILE_HEADER if number == 1 else 0
            current = number not in overlay
            yield from _cells(page, start, _reader(file, overlay), current=current)


def _cells(page: bytes, start: int, read: Page, *, current: bool) -> Iterator[Cell]:
    return (Cell(number, row, current) for number, row in _leaf(page, start, read))


def _log_pages(log: Path) -> dict[int, bytes]:
    """The newest version of each page in the write-ahead log's present round.

    Behind it stand frames of earlier rounds, which carry another salt than the log's header.
    """
    rounds: dict[bytes, dict[int, bytes]] = {}
    if not log.exists():
        return {}
    with log.open("rb") as file:
        salt = file.read(HEADER_BYTES)[16:24]
        while len(head := file.read(FRAME_HEADER_BYTES)) == FRAME_HEADER_BYTES:
            page = file.read(PAGE_BYTES)
            rounds.setdefault(head[8:16], {})[int.from_bytes(head[:4], "big")] = page
    # Where the header's salt is what was damaged, the present round is the one that comes first.
    return rounds.get(salt) or next(iter(rounds.values()), {})


def _reader(file: BinaryIO, overlay: dict[int, bytes]) -> Page:
    def read(number: int) -> bytes:
        if number in overlay:
            return overlay[number]
        file.seek((number - 1) * PAGE_BYTES)
        return file.read(PAGE_BYTES)

    return read


def _leaf(page: bytes, start: int, read: Page) -> Iterator[tuple[int, tuple[Value, ...]]]:
    if len(page) < PAGE_BYTES or page[start] not in {_LEAF_TABLE, _LEAF_INDEX}:
        return
    count = int.from_bytes(page[start + 3 : start + 5], "big")
    for index in range(min(count, PAGE_BYTES // 2)):
        at = start + 8 + 2 * index
        offset = int.from_bytes(page[at : at + 2], "big")
        try:
            yield _cell(page, offset, read if page[start] == _LEAF_TABLE else None)
        except (ValueError, IndexError):
            continue


def _cell(page: bytes, offset: int, read: Page | None) -> tuple[int, tuple[Value, ...]]:
    length, offset = _varint(page, offset)
    number = 0
    if read is None:
        return number, _record(page[offset : offset + length])
    number, offset = _varint(page, offset)
    if length > _RECORD_MAX:
        message = "the record is not one of the buffer's"
        raise ValueError(message)
    return number, _record(_payload(page, offset, length, read))


def _payload(page: bytes, offset: int, length: int, read: Page) -> bytes:
    most = PAGE_BYTES - 35
    if length <= most:
        return page[offset : offset + length]
    least = (PAGE_BYTES - 12) * 32 // 255 - 23
    local = least + (length - least) % (PAGE_BYTES - 4)
    if local > most:
        local = least
    parts = [page[offset : offset + local]]
    following = int.from_bytes(page[offset + local : offset + local + 4], "big")
    missing = length - local
    while missing > 0 and following:
        part = read(following)
        parts.append(part[4 : 4 + missing])
        if len(part) < PAGE_BYTES:
            break
        missing -= PAGE_BYTES - 4
        following = int.from_bytes(part[:4], "big")
    return b"".join(parts)


def _record(data: bytes) -> tuple[Value, ...]:
    head, offset = _varint(data, 0)
    kinds = []
    while offset < head:
        kind, offset = _varint(data, offset)
        kinds.append(kind)
    values: list[Value] = []
    for kind in kinds:
        value, offset = _value(data, offset, kind)
        values.append(value)
    return tuple(values)


def _value(data: bytes, offset: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, offset
    if kind in (8, 9):
        return kind - 8, offset
    if kind in _INTEGER_BYTES:
        end = offset + _INTEGER_BYTES[kind]
        return int.from_bytes(data[offset:end], "big", signed=True), end
    if kind < 12:  # noqa: PLR2004 - 7 is a float, 10 and 11 are reserved: none is in our tables
        message = "the value is not one of the buffer's"
        raise ValueError(message)
    end = offset + (kind - 12) // 2
    part = data[offset:end]
    if len(part) != (kind - 12) // 2:
        message = "the record is cut short"
        raise ValueError(message)
    return (part.decode() if kind % 2 else part), end


def _varint(data: bytes, offset: int) -> tuple[int, int]:
    value = 0
    for index in range(_VARINT_MAX):
        byte = data[offset + index]
        if index == _VARINT_MAX - 1:
            return value << 8 | byte, offset + index + 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 - the high bit says that more follows
            return value, offset + index + 1
    raise AssertionError  # the ninth byte always returns
