"""Recordings written as hex text, in the many ways that people and tools write it."""

from __future__ import annotations

import re
from itertools import pairwise

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_COMMENT = re.compile(rb"[ \t]*(?:#|//)[^\r\n]*")
_PREFIX = re.compile(rb"(?:\b0[xX]|\\x|\$)(?=[0-9A-Fa-f])")
_SEPARATORS = re.compile(rb"[\s:;,._|\[\]{}()<>\"'-]+")
_DIGITS = re.compile(rb"[0-9A-Fa-f]+")
_DIGITS_MIN = 4
_LINES = re.compile(rb"[\r\n]+")
# `00000010: 7ea0 0102  ~...`, `0000010  7e a0 01 02  |~...|`: an offset, bytes, what they print as.
_DUMP = re.compile(
    rb"[ \t]*(?:0[xX])?([0-9A-Fa-f]{3,16})(?::[ \t]*|[ \t]+)"
    rb"((?:[0-9A-Fa-f]{2}){1,16}(?:[ \t]{1,2}(?:[0-9A-Fa-f]{2}){1,16}){0,64})"
    rb"(?:(?:[ \t]{2,}|[ \t]*\|).*)?"
)
_DUMP_END = re.compile(rb"[ \t]*(?:0[xX])?[0-9A-Fa-f]{3,16}:?[ \t]*")
# Bytes within other text, as programs log them: far longer than any word, date or address.
_RUN = re.compile(
    rb"(?<![0-9A-Za-z])(?:0[xX])?((?:[0-9A-Fa-f]{2}[ :_-]?){11,}[0-9A-Fa-f]{2})(?![0-9A-Za-z])"
)
_RUN_SEPARATORS = re.compile(rb"[ :_-]")


def from_hex(content: bytes) -> bytes | None:
    """The bytes that hex text spells; None where the content is no hex text.

    Blanks, colons, commas, dashes, brackets, line breaks, `0x`, comments and a byte order mark may
    stand between, and offsets and printed characters as in a hex dump; groups may be of any even
    length, and a digit alone is a byte.
    """
    dumped = _dump(content)
    return dumped if dumped is not None else _joined(content)


def lines_of_hex(content: bytes) -> tuple[bytes, ...]:
    """The bytes of each line that is hex text of its own, passing over those that are not."""
    lines = _LINES.split(content.removeprefix(_BYTE_ORDER_MARK))
    return tuple(spelled for line in lines if (spelled := _joined(line)) is not None)


def within_text(content: bytes) -> tuple[bytes, ...]:
    """The long runs of hex in a log, each as bytes; the way other programs note what they heard."""
    return tuple(bytes.fromhex(_run(match[1])) for match in _RUN.finditer(content))


def _run(digits: bytes) -> str:
    return _RUN_SEPARATORS.sub(b"", digits).decode("ascii")


def _joined(content: bytes) -> bytes | None:
    text = _COMMENT.sub(b"", content.removeprefix(_BYTE_ORDER_MARK))
    groups = [group for group in _SEPARATORS.split(_PREFIX.sub(b" ", text)) if group]
    if not groups or not all(map(_DIGITS.fullmatch, groups)):
        return None
    # Lines broken in the middle of a byte leave odd groups; a lone digit is a byte of its own.
    if any(len(group) % 2 for group in groups if len(group) > 1):
        joined = b"".join(groups)
    else:
        joined = b"".join(group.zfill(2) for group in groups)
    if len(joined) < _DIGITS_MIN or len(joined) % 2:
        return None
    return bytes.fromhex(joined.decode("ascii"))


def _dump(content: bytes) -> bytes | None:
    """The bytes of a hex dump: every line's offset is where the one before it ended."""
    lines = [line for line in _LINES.split(content.removeprefix(_BYTE_ORDER_MARK)) if line.strip()]
    if len(lines) > 1 and _DUMP_END.fullmatch(lines[-1]):
        lines.pop()  # the offset of the end, alone
    rows = [_DUMP.fullmatch(line) for line in lines[:2]]
    if None in rows or not rows:
        return None
    rows += map(_DUMP.fullmatch, lines[2:])
    parts = [(int(row[1], 16), bytes.fromhex(row[2].decode("ascii"))) for row in rows if row]
    if len(parts) < len(rows) or (len(parts) == 1 and parts[0][0]):
        return None
    # What the last column prints may look like bytes, so an offset decides how many there are.
    sizes = [after[0] - before[0] for before, after in pairwise(parts)]
    sizes.append(sizes[-1] if sizes else len(parts[0][1]))
    if any(not 0 < size <= len(data) for size, (_, data) in zip(sizes[:-1], parts, strict=False)):
        return None
    return b"".join(data[:size] for size, (_, data) in zip(sizes, parts, strict=True))
