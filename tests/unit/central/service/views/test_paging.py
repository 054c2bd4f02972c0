from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.service.views.paging import (
    CursorError,
    Key,
    Page,
    changed_since,
    decode_cursor,
    encode_cursor,
    instant_key,
    page_of,
    paged,
    uuid_of_cursor,
)

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


NAMED = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=12)


def _through(rows: list[tuple[str, int]], limit: int, *, newest_first: bool) -> list[list[Key]]:
    pages: list[list[Key]] = []
    after = None
    while True:
        page = page_of(rows, lambda row: row, after, limit, newest_first=newest_first)
        pages.append(list(page.rows))
        after = page.after
        if after is None:
            return pages


@given(NAMED, st.integers(1, 5), st.booleans())
def test_pages_show_each_row_once_in_order(
    rows: list[tuple[str, int]],
    limit: int,
    newest_first: bool,  # noqa: FBT001
) -> None:
    pages = _through(rows, limit, newest_first=newest_first)
    assert [row for page in pages for row in page] == sorted(rows, reverse=newest_first)
    assert all(len(page) == limit for page in pages[:-1])


@pytest.mark.parametrize(
    ("newest_first", "rest"), [(False, ["c", "d", "e"]), (True, ["b", "a", "A"])]
)
def test_a_row_that_goes_or_comes_between_pages_moves_no_other(
    newest_first: bool,  # noqa: FBT001
    rest: list[str],
) -> None:
    first = page_of(
        ["a", "c", "d", "b", "e"], lambda row: (row,), None, 2, newest_first=newest_first
    )
    there = ["A", "a", "c", "d", "b", "e", "f"]
    for name in first.rows:
        there.remove(name)
    if newest_first:
        there.remove("c")  # what would have been the next
    page = page_of(there, lambda row: (row,), first.after, 10, newest_first=newest_first)
    assert [row for row in page.rows if row != "f"] == rest


@pytest.mark.parametrize("cursor", ["", "!", encode_cursor(("a",)), encode_cursor((1, 2))])
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(CursorError):
        page_of([("a", 1)], lambda row: row, cursor, 5)


def test_an_empty_list_has_an_empty_page_behind_any_cursor() -> None:
    assert page_of([], lambda _: (1,), encode_cursor((1, 0)), 5) == Page(())
    with pytest.raises(CursorError):
        page_of([], lambda _: (1,), "!", 5)


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_times_sort_as_text(one: datetime, other: datetime) -> None:
    assert (instant_key(one) < instant_key(other)) is (one < other)


def test_what_changed_since_counts_every_change() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    rows = [(noon, None), (noon - timedelta(days=1), noon), (noon - timedelta(days=1), None)]
    assert changed_since(rows, noon, lambda row: row) == rows[:2]
    assert changed_since(rows, None, lambda row: row) == rows


def test_a_cursor_gives_back_an_identifier() -> None:
    uid = UUID(int=7)
    assert uuid_of_cursor(encode_cursor((str(uid),))) == uid
    assert uuid_of_cursor(None) is None
    with pytest.raises(CursorError):
        uuid_of_cursor(encode_cursor(("7",)))
