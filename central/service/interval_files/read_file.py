"""Read and write files of metered values, of whatever kind they are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from central.domain.interval_files.green_button import GreenButtonFile
from central.domain.interval_files.nem12 import LINE_MAX, read_nem, write_nem
from central.domain.interval_files.read_green_button import read_green_button
from central.domain.interval_files.values import MeteredFile
from central.domain.interval_files.write_green_button import write_green_button

_PIECE: Final = 1 << 16


def read_file(stream: io.BufferedReader) -> MeteredFile | GreenButtonFile:
    """What a file holds: NEM12 or NEM13, or Green Button where it begins as XML does.

    Args:
        stream: Of the file's bytes.

    Raises:
        IntervalFileError: A line says what cannot be; names it.
    """
    if stream.peek(_PIECE).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return read_green_button(_pieces(stream))
    lines = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="")
    try:
        return read_nem(_bounded(lines))
    finally:
        lines.detach()


def write_file(contents: MeteredFile | GreenButtonFile) -> Iterator[str]:
    """The file anew, with the same values and flags."""
    if isinstance(contents, GreenButtonFile):
        return write_green_button(contents)
    return write_nem(contents)


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        yield piece


def _bounded(lines: io.TextIOWrapper) -> Iterator[str]:
    """Lines of a file, none longer in memory than a record may be."""
    while line := lines.readline(LINE_MAX + 2):
        yield line
