"""Recordings written as hex text, in the many ways that people and tools write it."""

from __future__ import annotations

import re
from itertools import islice

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_COMMENT = re.compile(rb"(?:#|//)[^\r\n]*")
_PREFIX = re.compile(rb"(?:\b0[xX]|\\x|\$)(?=[0-9A-Fa-f])")
_SEPARATORS = re.compile(rb"[\s:;,._|\[\]{}()<>\"'-]+")
_SPELLING = b"0123456789abcdefABCDEFxX\\$ \t\r\n\v\f:;,._|[]{}()<>\"'-"
_DIGITS = re.compile(rb"[0-9A-Fa-f]+")
_DIGITS_MIN = 4
LINES_MAX = 20_000
_LINES = re.compile(rb"[\r\n]+")
_LINE = re.compile(rb"[^\r\n]+")
# `00000010: 7ea0 0102  ~...`, `0000010  7e a0 01 02  |~...|`: an offset, bytes, what they print as.
_DUMP = re.compile(
    rb"[ \t]*(?:0[xX])?([0-9A-Fa-f]{3,16})(?::[ \t]*|[ \t]+)"
    rb"((?:[0-9A-Fa-f]{2}){1,16}(?:[ \t]{1,2}(?:[0-9A-Fa-f]{2}){1,16}){0,64})"
    rb"(?:(?:[ \t]{2,}|[ \t]*\|).*)?"
)
_DUMP_OFFSET = re.compile(rb"\s*(?:0[xX])?0{4,16}(?::|[ \t])")
_DUMP_END = re.compile(rb"[ \t]*(?:0[xX])?[0-9A-Fa-f]{3,16}:?[ \t]*")
# Bytes within other text, as programs log them: far longer than any word, date or address.
_RUN = re.compile(
    rb"(?<![0-9A-Za-z])(?:0[xX])?((?:[0-9A-Fa-f]{2}[ :_-]?){11,}[0-9A-Fa-f]{2})(?![0-9A-Za-z])"
)
_RUN_SEPARATORS = re.compile(rb"[ :_-]")


_PROBE = 65_536
_BINARY_SHARE = 50
_TEXT = bytes(range(ord(" "), ord("~") + 1)) + b"\t\r\n"


def is_text(content: bytes) -> bool:
    """Whether the content, by its beginning, can be text at all."""
    head = content[:_PROBE].removeprefix(_BYTE_ORDER_MARK)
    return len(head.translate(None, _TEXT)) * _BINARY_SHARE <= len(head)


def from_hex(content: bytes) -> bytes | None:
    """The bytes that hex text spells; None if the content is not hex text.

    Blanks, colons, commas, dashes, brackets, line breaks, `0x`, comments and a byte order mark may
    stand between, and offsets and printed characters as in a hex dump; groups may be of any even
    length, and a digit alone is a byte.
    """
    if not is_text(content):
        return None
    dumped = _dump(content)
    return dumped if dumped is not None else _joined(content)


def lines_of_hex(content: bytes) -> tuple[bytes, ...]:
    """The bytes of each line that is hex text of its own, passing over those that are not.

    A dump's lines are none, nor are those of a file with more lines than telegrams were ever noted.
    """
    lines = _LINES.split(content.removeprefix(_BYTE_ORDER_MARK), LINES_MAX)
    if len(lines) > LINES_MAX or _DUMP_OFFSET.match(lines[0]):
        return ()
    return tuple(spelled for line in lines if (spelled := _joined(line)) is not None)


def within_text(content: bytes) -> tuple[bytes, ...]:
    """The long runs of hex in a log, each as bytes; the way other programs note what they heard."""
    runs = islice(_RUN.finditer(content), LINES_MAX)
    return tuple(bytes.fromhex(_run(match[1])) for match in runs)


def _run(digits: bytes) -> str:
    return _RUN_SEPARATORS.sub(b"", digits).decode("ascii")


def _joined(content: bytes) -> bytes | None:
    text = content.removeprefix(_BYTE_ORDER_MARK)
    if b"#" in text or b"//" in text:
        text = _COMMENT.sub(b"", text)
    if text.translate(None, _SPELLING):
        return None
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
    """The bytes of a hex dump, whose offsets may be hex, decimal or octal."""
    text = content.removeprefix(_BYTE_ORDER_MARK)
    if _DUMP_OFFSET.match(text) is None:
        return None
    spelled = (_dumped(text, base) for base in (16, 10, 8))
    return next((found for found in spelled if found is not None), None)


def _dumped(text: bytes, base: int) -> bytes | None:
    """The bytes where every line's offset is where the one before it ended."""
    found, last, width = bytearray(), b"", 0
    for line in _LINE.finditer(text):
        if not line[0].strip():
            continue
        row = _DUMP.fullmatch(line[0])
        alone = row is None and _DUMP_END.fullmatch(line[0])
        if row is None and not alone:
            return None
        # What the last column prints may look like bytes, so an offset decides how many there are.
        try:
            size = int(row[1] if row else line[0].strip(b" \t:"), base) - len(found)
        except ValueError:
            return None
        if not 0 <= size <= len(last) or (last and not size):
            return None
        found += last[:size]
        width = width or size
        last = bytes.fromhex(row[2].decode("ascii")) if row else b""
    return bytes(found + last[: width or len(last)]) or None
