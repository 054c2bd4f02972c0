"""Pages of a list too long to show at once, and the cursors that join them.

A cursor is the key of the last row shown, so a page costs the same however deep it lies and no row
is skipped or shown twice when others are added meanwhile. To callers it is opaque text.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Generic, TypeVar
from uuid import UUID

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


def uuid_of_cursor(cursor: str | None) -> UUID | None:
    """The identifier that a cursor of one part spells; None stays None.

    Raises:
        CursorError: It is none.
    """
    key = decode_cursor(cursor, (str,))
    if key is None:
        return None
    try:
        return UUID(str(key[0]))
    except ValueError:
        raise _refusal(str(key[0])) from None


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


def page_of(
    rows: Iterable[Row],
    key: Callable[[Row], Key],
    after: str | None,
    limit: int,
    *,
    newest_first: bool = False,
) -> Page[Row]:
    """A page of a list that is short enough to be read whole, in the order of a key.

    Rows of the same key stay in the order in which they come.

    Args:
        rows: All of the list.
        key: The sort key of a row: the same number and types of parts for each.
        after: Cursor of the page before, or None for the first.
        limit: Most rows to show.
        newest_first: Whether the greatest key comes first.

    Raises:
        CursorError: The cursor is not one of this list.
    """
    places: dict[Key, int] = {}
    placed: list[tuple[Key, Row]] = []
    for row in sorted(rows, key=key, reverse=newest_first):
        named = key(row)
        places[named] = places.get(named, -1) + 1
        placed.append(((*named, places[named]), row))
    behind = _last_shown(after, placed)
    if behind is not None:
        *named_parts, count = behind
        shown, before = tuple(named_parts), newest_first
        placed = [
            (whole, row)
            for whole, row in placed
            if (whole[:-1] == shown and whole[-1] > count)  # type: ignore[operator]
            or (whole[:-1] != shown and (whole[:-1] < shown) is before)
        ]
    page = paged(placed, limit, lambda pair: pair[0])
    return page.map(lambda pair: pair[1])


def _last_shown(after: str | None, placed: Sequence[tuple[Key, Row]]) -> Key | None:
    if after is None:
        return None
    example = placed[0][0] if placed else _unpack(after)
    return decode_cursor(after, tuple(str if isinstance(each, str) else int for each in example))


def instant_key(at: datetime) -> str:
    """An aware time as a part of a sort key: as text it sorts as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def changed_since(
    rows: Iterable[Row],
    since: datetime | None,
    times: Callable[[Row], Iterable[datetime | None]],
) -> list[Row]:
    """The rows that were recorded or changed at a time or later; all of them where it is None.

    Args:
        rows: All of a list.
        since: Aware.
        times: When a row was recorded, approved, withdrawn and so on; None where it was not.
    """
    if since is None:
        return list(rows)
    return [row for row in rows if any(at is not None and at >= since for at in times(row))]
