"""Pages of a list too long to show at once, and the cursors that join them.

A cursor is the key of the last row shown, so a page costs the same however deep it lies and no row
is skipped or shown twice when others are added meanwhile. To callers it is opaque text.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from firmware_bridge.contract.errors import OperatorError
from firmware_bridge.contract.plain_text import storable
from firmware_bridge.contract.quantity import INT64_MAX, INT64_MIN

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
_CURSOR_MAX = 512

Key = tuple[str | int, ...]
Row = TypeVar("Row")
Other = TypeVar("Other")


class CursorError(OperatorError):
    """A cursor is not one that this service gave out for this list."""

    code = "CURSOR"
    default_remedy = "Begin the list anew, without a cursor."


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list in its order.

    Args:
        rows: At most as many as were asked for.
        after: Cursor of the page that follows, or None at the end.
    """

    rows: tuple[Row, ...]
    after: str | None = None

    def map(self, change: Callable[[Row], Other]) -> Page[Other]:
        """The same page with every row changed."""
        return Page(tuple(map(change, self.rows)), self.after)


def encode_cursor(key: Key) -> str:
    """Opaque, URL-safe text for a row's sort key."""
    packed = json.dumps(key, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode_cursor(cursor: str | None, shape: tuple[type[str | int], ...]) -> Key | None:
    """The sort key inside a cursor; None stays None, the first page.

    Args:
        cursor: Text as `encode_cursor` gave it.
        shape: The types that the list's key has.

    Raises:
        CursorError: The text is not a cursor, or belongs to another list.
    """
    if cursor is None:
        return None
    key = _unpack(cursor)
    if len(key) != len(shape) or not all(map(_fits, key, shape)):
        raise _refusal(cursor)
    return tuple(key)


def _fits(part: str | int, kind: type[str | int]) -> bool:
    """Whether a part of a key is of its kind, and something that a column can hold."""
    if isinstance(part, str):
        return kind is str and storable(part)
    return type(part) is kind and INT64_MIN <= part <= INT64_MAX


def _unpack(cursor: str) -> list[str | int]:
    if len(cursor) > _CURSOR_MAX:
        raise _refusal(cursor[:_CURSOR_MAX])
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        raise _refusal(cursor) from None
    if not isinstance(key, list):
        raise _refusal(cursor)
    return key


def _refusal(cursor: str) -> CursorError:
    return CursorError(
        "The cursor does not belong to this list.",
        value=cursor,
        remedy="Use `after` of the previous page unchanged, or leave it out to begin again.",
    )


def day_of_cursor(part: str | int) -> date:
    """The day that a part of a sort key spells.

    Raises:
        CursorError: It is none.
    """
    try:
        return date.fromisoformat(str(part))
    except ValueError:
        raise _refusal(str(part)) from None


def instant_of_cursor(part: str | int) -> datetime:
    """The aware time that a part of a sort key spells.

    Raises:
        CursorError: It is none.
    """
    try:
        at = datetime.fromisoformat(str(part))
    except ValueError:
        raise _refusal(str(part)) from None
    if at.tzinfo is None:
        raise _refusal(str(part))
    return at


def paged(rows: Sequence[Row], limit: int, key: Callable[[Row], Key]) -> Page[Row]:
    """A page from rows read with one more than the limit.

    Args:
        rows: Up to `limit + 1` rows; the last one only says that more follow.
        limit: Most rows to show.
        key: The sort key of a row.
    """
    shown = tuple(rows[:limit])
    more = len(rows) > limit
    return Page(shown, encode_cursor(key(shown[-1])) if more and shown else None)
