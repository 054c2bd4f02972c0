from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.service.views.paging import CursorError, Page, decode_cursor, encode_cursor, paged

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
KEYS = st.tuples(NAMES, st.integers(-(2**63), 2**63 - 1))


@given(KEYS)
def test_a_cursor_gives_back_its_key(key: tuple[str, int]) -> None:
    assert decode_cursor(encode_cursor(key), (str, int)) == key


@given(KEYS)
def test_a_cursor_is_url_safe(key: tuple[str, int]) -> None:
    assert encode_cursor(key).replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("key", [("a\0", 1), ("\ud800", 1), ("a", 2**63), ("a", -(2**63) - 1)])
def test_a_cursor_of_what_no_column_holds_is_refused(key: tuple[str, int]) -> None:
    with pytest.raises(CursorError):
        decode_cursor(encode_cursor(key), (str, int))


def test_no_cursor_is_the_first_page() -> None:
    assert decode_cursor(None, (str,)) is None


@pytest.mark.parametrize(
    "cursor", ["", "!", "bm90IGpzb24", "e30", "x" * 600, "WzFd", "WyJhIiwxXQ", "W3RydWVd", "é"]
)
def test_what_is_no_cursor_of_this_list_is_refused(cursor: str) -> None:
    with pytest.raises(CursorError):
        decode_cursor(cursor, (str,))


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        key = decode_cursor(text, (int,))
    except CursorError:
        return
    assert key is not None
    assert type(key[0]) is int


def test_a_page_says_where_the_next_begins_only_if_there_is_one() -> None:
    assert paged([1, 2, 3], 2, lambda row: (row,)) == Page((1, 2), encode_cursor((2,)))
    assert paged([1, 2], 2, lambda row: (row,)) == Page((1, 2), None)
    assert paged([], 2, lambda row: (row,)) == Page((), None)
