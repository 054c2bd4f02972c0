"""Recordings written as hex text, in the many ways that people and tools write it."""

from __future__ import annotations

import re

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_COMMENT = re.compile(rb"^[ \t]*(?:#|//)[^\r\n]*", re.MULTILINE)
_PREFIX = re.compile(rb"\b0[xX](?=[0-9A-Fa-f])")
_SEPARATORS = re.compile(rb"[\s:;,._|-]+")
_DIGITS = re.compile(rb"[0-9A-Fa-f]+")
_DIGITS_MIN = 4


def from_hex(content: bytes) -> bytes | None:
    """The bytes that hex text spells; None where the content is no hex text.

    Blanks, colons, commas, dashes, line breaks, `0x`, comment lines and a byte order mark may
    stand between; groups may be of any even length, and a digit alone is a byte.
    """
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
